// SPDX-License-Identifier: Apache-2.0
#include "refusals.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcRefusals, "tidemill.host.delivery")

namespace tidemill::host {

Refusals::Refusals(NodeStatus &status, const QString &stateDirectory) : m_status(status)
{
    const NodeSettings &settings = status.description.settings;
    if (settings.onError == OnError::DeadLetter && !stateDirectory.isEmpty())
        m_store = std::make_unique<LetterStore>(letterFolder(stateDirectory), settings.deadLettersMax.bytes);
}

Refusals::Outcome Refusals::putAway(const BatchPtr &batch, const char *reason,
                                    const QList<DeadLetter::Cause> &causes)
{
    const QString what = QStringLiteral("%1 can never store %2 records of %3 (%4): %5")
                             .arg(m_status.description.name)
                             .arg(batch->rowCount())
                             .arg(QString::fromUtf8(batch->schema().name()), QLatin1String(reason),
                                  causes.isEmpty() ? QString() : causes.first().message);
    if (!m_store) {
        log(what + QStringLiteral("; dropped"));
        return {reason, false};
    }
    const auto written = m_store->write({Timestamp::now(), m_status.pipeline, m_status.description.name,
                                         QLatin1String(reason), causes, batch});
    if (written) {
        log(what + QStringLiteral("; kept as ") + *written);
        return {"dead_letter", false};
    }
    m_lostRows += quint64(batch->rowCount());
    const QString why = written.error().message;
    m_status.setNote(
        m_store->folder(),
        QStringLiteral("%1; %2 records could not be kept as dead letters").arg(why).arg(m_lostRows));
    log(what + QStringLiteral("; not kept either: ") + why);
    return {m_store->isFull() ? "dead_letter_full" : "dead_letter_failed", true};
}

void Refusals::log(const QString &text)
{
    if (m_sinceLog.isValid() && m_sinceLog.elapsed() < 1000) {
        ++m_unlogged;
        return;
    }
    const quint64 unlogged = std::exchange(m_unlogged, 0);
    qCCritical(lcRefusals).noquote()
        << (unlogged > 0 ? text + QStringLiteral("; and %1 times more in between").arg(unlogged) : text);
    m_sinceLog.start();
}

} // namespace tidemill::host
