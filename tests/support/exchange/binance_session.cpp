// SPDX-License-Identifier: Apache-2.0
#include "binance_session.h"

#include <QDateTime>

namespace tidemill::exchange {

namespace {

const QByteArray sbePrefix = "sbe:";
const QByteArray shutdownStream = "!serverShutdown";

QByteArray wrap(const QByteArray &stream, const QByteArray &payload)
{
    QByteArray wrapped;
    wrapped.reserve(stream.size() + payload.size() + 24);
    wrapped += "{\"stream\":\"";
    wrapped += stream;
    wrapped += "\",\"data\":";
    wrapped += payload;
    wrapped += '}';
    return wrapped;
}

} // namespace

BinanceSession::BinanceSession(SessionHost &host, const Settings &settings, const Target &target, bool sbe)
    : Session(host)
    , m_settings(settings)
    , m_control{target.combined, target.streams, sbe}
    , m_microseconds(target.microseconds)
    , m_sbe(sbe)
{}

void BinanceSession::opened()
{
    for (const QByteArray &stream : std::as_const(m_control.streams)) {
        if (const QString remark = remarkOnStream(stream, m_sbe); !remark.isEmpty())
            host().violate(remark);
    }
}

void BinanceSession::receive(const QByteArray &message)
{
    QStringList remarks;
    const QByteArrayList before = m_control.streams;
    const ControlRules rules{m_settings.limits.maxStreams, m_settings.wrappedErrors};
    const QByteArray reply = answerControl(message, m_control, rules, &remarks);
    for (const QString &remark : std::as_const(remarks))
        host().violate(remark);
    host().sendText(reply);
    if (m_control.streams != before)
        host().subscriptionsChanged();
}

QByteArrayList BinanceSession::streams() const
{
    if (!m_sbe)
        return m_control.streams;
    QByteArrayList streams;
    for (const QByteArray &stream : m_control.streams)
        streams.append(sbePrefix + stream);
    return streams;
}

QByteArray BinanceSession::render(const StreamFrame &frame, const QByteArray &name)
{
    const QByteArray &payload = m_microseconds && !frame.micros.isEmpty() ? frame.micros : frame.payload;
    if (!m_control.combined || m_sbe)
        return payload;
    if (!frame.wrapped.isEmpty() && name == frame.stream)
        return frame.wrapped;
    return wrap(name, payload);
}

QByteArray BinanceSession::shutdownNotice() const
{
    const QByteArray event =
        "{\"e\":\"serverShutdown\",\"E\":" + QByteArray::number(QDateTime::currentMSecsSinceEpoch()) + '}';
    return m_control.combined && !m_sbe ? wrap(shutdownStream, event) : event;
}

} // namespace tidemill::exchange
