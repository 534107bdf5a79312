// SPDX-License-Identifier: Apache-2.0
#include "capturing_session.h"

namespace tidemill::net {

namespace {

QList<QByteArray> namesOf(const QList<FeedStream> &streams)
{
    QList<QByteArray> names;
    for (const FeedStream &stream : streams)
        names.append(stream.name);
    return names;
}

} // namespace

CapturingSession::CapturingSession(FeedLink &link, CaptureWriter &writer, QByteArrayView address,
                                   const Make &make)
    : m_number(link.number())
    , m_writer(writer)
    , m_link(link, writer)
    , m_session(make(m_link))
{
    m_writer.opened(m_number, address, Timestamp::now());
}

CapturingSession::~CapturingSession()
{
    m_writer.lost(m_number, Timestamp::now());
}

void CapturingSession::subscribe(const QList<FeedStream> &streams)
{
    m_writer.subscribed(m_number, namesOf(streams), Timestamp::now());
    m_session->subscribe(streams);
}

void CapturingSession::unsubscribe(const QList<FeedStream> &streams)
{
    m_writer.unsubscribed(m_number, namesOf(streams), Timestamp::now());
    m_session->unsubscribe(streams);
}

void CapturingSession::receive(const Frames &frames)
{
    m_writer.received(m_number, frames);
    m_session->receive(frames);
}

void CapturingSession::lead()
{
    m_writer.leads(m_number, Timestamp::now());
    m_session->lead();
}

} // namespace tidemill::net
