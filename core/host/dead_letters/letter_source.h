// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/node.h>

#include <QStringList>
#include <QTimer>

#include <memory>

namespace tidemill::host {

// Reads dead letters one after the other, as fast as they are taken.
class LetterSource final : public Source
{
    Q_OBJECT

public:
    // What became of the letters; shared with their deliveries, which may outlive the source.
    struct Tally
    {
        quint64 offered = 0;
        quint64 removed = 0;
        QStringList problems;
    };

    explicit LetterSource(const QStringList &paths);

    Result<> start() override;
    void stop() override;
    void setPaused(bool paused) override;

    bool isAtEnd() const { return m_next == m_paths.size(); }
    const Tally &tally() const { return *m_tally; }

private:
    void emitNext();

    const QStringList m_paths;
    qsizetype m_next = 0;
    QTimer m_timer{this};
    std::shared_ptr<Tally> m_tally = std::make_shared<Tally>();
};

} // namespace tidemill::host
