// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "capture_writer.h"

#include <tidemill/net/feed_session.h>

#include <functional>
#include <memory>

namespace tidemill::net {

// A session around a session that notes all that comes and goes. Between the two stands a link of its own, to
// see what is sent.
class CapturingSession final : public FeedSession
{
public:
    using Make = std::function<std::unique_ptr<FeedSession>(FeedLink &link)>;

    // The writer outlives it.
    CapturingSession(FeedLink &link, CaptureWriter &writer, QByteArrayView address, const Make &make);
    ~CapturingSession() override;

    void subscribe(const QList<FeedStream> &streams) override;
    void unsubscribe(const QList<FeedStream> &streams) override;
    void receive(const Frames &frames) override;
    void lead() override;

private:
    class Link final : public FeedLink
    {
    public:
        Link(FeedLink &link, CaptureWriter &writer) : m_link(link), m_writer(writer) {}

        bool send(const QByteArray &text) override
        {
            m_writer.sent(m_link.number(), text, Timestamp::now());
            return m_link.send(text);
        }
        void confirm(const QList<int> &streams) override { m_link.confirm(streams); }
        void refuse(int stream, const Error &error) override { m_link.refuse(stream, error); }
        void heard(int stream, Timestamp received) override { m_link.heard(stream, received); }
        void heardPeer(Timestamp received) override { m_link.heardPeer(received); }
        void recycle(const QString &reason) override { m_link.recycle(reason); }
        void rotate(const QString &reason) override { m_link.rotate(reason); }
        bool isLeader() const override { return m_link.isLeader(); }
        qint64 number() const override { return m_link.number(); }

    private:
        FeedLink &m_link;
        CaptureWriter &m_writer;
    };

    const qint64 m_number;
    CaptureWriter &m_writer;
    Link m_link;
    std::unique_ptr<FeedSession> m_session;
};

} // namespace tidemill::net
