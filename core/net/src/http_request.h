// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/http_client.h>

#include <QNetworkProxy>
#include <QNetworkReply>
#include <QObject>
#include <QTimer>

namespace tidemill::net {

// One GET under way: gathers its reply within the limits. A child of the QNetworkReply, which it deletes at
// the end.
class HttpRequest : public QObject
{
    Q_OBJECT

public:
    HttpRequest(QNetworkReply *reply, const HttpSettings &settings, const QNetworkProxy &proxy);

    void drop();

Q_SIGNALS:
    void finished(const tidemill::net::HttpReply &reply);

private:
    void takeBody();
    void fail(const QString &what, Error::Kind kind = Error::Kind::Network);
    void finish();

    QNetworkReply *m_reply; // our parent
    qint64 m_maxBodyBytes;
    QNetworkProxy m_proxy;
    HttpReply m_result;
    QTimer m_deadline{this};
    bool m_isFinished = false;
};

} // namespace tidemill::net
