// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/continuity.h>

#include <QStringList>
#include <QTest>

#include <optional>

namespace tidemill::net {

constexpr qint64 ms = 1000 * 1000;
constexpr qint64 startNs = 1700000000000 * ms;

inline Trade trade(qint64 id, qint64 atMs = 0)
{
    return {.exchange = Symbol("test"),
            .symbol = Symbol("BTCUSDT"),
            .ts_event = Timestamp{startNs + std::clamp<qint64>(id, -1000000, 1000000) * ms},
            .ts_recv = Timestamp{startNs + atMs * ms},
            .trade_id = id};
}

inline HistoryPage<Trade> page(std::initializer_list<qint64> ids, bool complete = true)
{
    HistoryPage<Trade> result;
    for (const qint64 id : ids)
        result.records.push_back(trade(id));
    result.complete = complete;
    return result;
}

// What went in and out, as words: "5" live, "b6" backfilled, "gap 7-9", "filled 7-9", "ask 7-9".
class ContinuityBench
{
public:
    explicit ContinuityBench(const ContinuitySettings &settings = {}, bool withHistory = true)
        : continuity(settings, handlers(withHistory))
    {
        continuity.open(0, {Symbol("test"), Symbol("BTCUSDT"), Symbol("trade")});
    }

    void add(std::initializer_list<qint64> ids, qint64 atMs = 0)
    {
        for (const qint64 id : ids)
            continuity.add(0, trade(id, atMs));
    }

    void answer(const Result<HistoryPage<Trade>> &result)
    {
        const auto answering = std::exchange(m_answer, {});
        QVERIFY(answering);
        answering(result);
    }

    QString take() { return std::exchange(m_words, {}).join(QLatin1String(", ")); }

    Continuity<Trade> continuity;
    std::vector<Gap> gaps;
    QByteArray reason;
    std::optional<Result<HistoryPage<Trade>>> atOnce;

private:
    static QString range(qint64 first, qint64 last) { return QStringLiteral("%1-%2").arg(first).arg(last); }

    Continuity<Trade>::Handlers handlers(bool withHistory)
    {
        Continuity<Trade>::Handlers result;
        result.record = [this](int, const Trade &record) {
            m_words.append(QLatin1String(record.provenance == Provenance::Backfill ? "b" : "") +
                           QString::number(record.trade_id));
        };
        result.gap = [this](int, const Gap &gap, const QByteArray &why) {
            gaps.push_back(gap);
            reason = why;
            m_words.append(QLatin1String(gap.state == GapState::Filled ? "filled " : "gap ") +
                           range(gap.first_missing, gap.last_missing));
        };
        if (withHistory)
            result.fetch = [this](int, qint64 first, qint64 last,
                                  const Continuity<Trade>::Answer &answering) {
                m_words.append(QLatin1String("ask ") + range(first, last));
                m_answer = answering;
                if (!atOnce)
                    return;
                const Result<HistoryPage<Trade>> now = *atOnce;
                atOnce.reset();
                answering(now);
            };
        return result;
    }

    QStringList m_words;
    Continuity<Trade>::Answer m_answer;
};

} // namespace tidemill::net
