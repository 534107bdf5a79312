// SPDX-License-Identifier: Apache-2.0
#include "letter_source.h"

#include "../kept_delivery.h"
#include "letter_store.h"

#include <QFile>

namespace tidemill::host {

namespace {

class LetterDelivery final : public KeptDelivery
{
public:
    LetterDelivery(const QString &path, std::shared_ptr<LetterSource::Tally> tally)
        : m_path(path)
        , m_tally(std::move(tally))
    {}

    void settle() const override
    {
        if (m_isNeeded)
            return;
        if (QFile::remove(m_path) || !QFile::exists(m_path)) // another replay may have been quicker
            ++m_tally->removed;
        else
            m_tally->problems.append(m_path + QStringLiteral(": its records are dealt with, but it cannot be "
                                                             "removed"));
    }
    void noteLoss() const override { m_isNeeded = true; }

private:
    QString m_path;
    std::shared_ptr<LetterSource::Tally> m_tally;
    mutable bool m_isNeeded = false; // some of its records are nowhere else
};

} // namespace

LetterSource::LetterSource(const QStringList &paths) : m_paths(paths)
{
    connect(&m_timer, &QTimer::timeout, this, &LetterSource::emitNext);
}

Result<> LetterSource::start()
{
    m_timer.start(0);
    return {};
}

void LetterSource::stop()
{
    m_timer.stop();
}

void LetterSource::setPaused(bool paused)
{
    if (paused)
        m_timer.stop();
    else if (!isAtEnd())
        m_timer.start(0);
}

void LetterSource::emitNext()
{
    if (isAtEnd()) {
        m_timer.stop();
        return;
    }
    const QString path = m_paths[m_next++];
    if (!QFile::exists(path))
        return;
    const auto letter = readLetter(path, std::make_shared<LetterDelivery>(path, m_tally));
    if (!letter) {
        m_tally->problems.append(letter.error().message);
        return;
    }
    ++m_tally->offered;
    emit emitted(letter->batch);
}

} // namespace tidemill::host
