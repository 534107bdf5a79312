// SPDX-License-Identifier: Apache-2.0
#include <tidemill/redis/reconnector.h>

namespace tidemill::redis {

Reconnector::Reconnector(Client &client, QObject *parent) : QObject(parent), m_client(client)
{
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, &m_client, &Client::open);
    connect(&m_client, &Client::failed, this, [this] {
        if (m_runs)
            m_timer.start(m_backoff.next());
    });
    m_refusalTimer.setSingleShot(true);
    connect(&m_refusalTimer, &QTimer::timeout, this, &Reconnector::askAgain);
}

void Reconnector::start()
{
    m_runs = true;
    m_client.open();
}

void Reconnector::finish()
{
    m_runs = false;
    m_timer.stop();
}

void Reconnector::stop()
{
    finish();
    m_refusalTimer.stop();
    m_client.close();
}

void Reconnector::noteRefusal()
{
    m_refusalTimer.start(m_refusalBackoff.next());
}

void Reconnector::noteProgress()
{
    m_backoff.reset();
    m_refusalBackoff.reset();
}

} // namespace tidemill::redis
