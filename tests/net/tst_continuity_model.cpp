// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/continuity.h>

#include <QTest>

#include <deque>
#include <map>
#include <random>
#include <set>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

namespace {

constexpr qint64 ms = 1000 * 1000;
constexpr qint64 startNs = 1700000000000 * ms;

// An exchange with two connections that lose, repeat and disorder, and a history that is slow, partial,
// behind and fails; against it a store that knows what came out. Everything follows from the seed.
class World
{
public:
    explicit World(quint32 seed, bool restarts) : m_random(seed), m_restarts(restarts)
    {
        m_count = pick(1, 300);
        m_settings.reorder = std::chrono::milliseconds(pick(0, 1) ? 0 : pick(1, 200));
        m_settings.maxHold = std::chrono::milliseconds(pick(1, 3000));
        m_settings.maxHeldRecords = pick(1, 100);
        m_settings.maxHeldBytes = pick(200, 20000);
        m_settings.maxBackfill = pick(0, 3) ? 100000 : pick(0, 40);
        m_lossPercent = pick(0, 60);
        m_failPercent = pick(0, 2) ? 0 : pick(0, 80);
        m_partialPercent = pick(0, 1) ? 0 : pick(0, 100);
        m_historyDelay = pick(0, 1) ? pick(0, 100) : pick(0, 4000);
        m_catchUps = pick(0, 1) != 0;
        m_historyBehind = pick(0, 1) ? 0 : pick(0, 3000);
        m_settings.historyLag = std::chrono::milliseconds(pick(0, 1) ? 0 : pick(0, 6000));
        const int unborn = pick(0, 2) ? 0 : 10;
        for (qint64 id = 1; id <= m_count; ++id) {
            if (pick(1, 100) > unborn)
                m_existing.insert(id);
        }
        m_isLossy = pick(0, 1) != 0;
        for (int connection = 0; connection < 2; ++connection)
            plan();
    }

    QString run()
    {
        begin({});
        auto arrival = m_arrivals.begin();
        for (m_time = 0; m_time <= m_count * 10 + 12000; m_time += 5) {
            for (; arrival != m_arrivals.end() && arrival->first <= m_time; ++arrival)
                deliver(arrival->second);
            answerDue();
            if (m_time % 100 == 0)
                m_continuity->tick(now());
            if (m_catchUps && pick(1, 400) == 1)
                m_continuity->catchUp(0, [this](Missed) { ++m_verdicts; });
            if (m_restarts && pick(1, 800) == 1)
                restart();
            if (m_continuity->heldBytes() > m_settings.maxHeldBytes)
                return QStringLiteral("%1 bytes held, %2 allowed")
                    .arg(m_continuity->heldBytes())
                    .arg(m_settings.maxHeldBytes);
            if (!m_fault.isEmpty())
                return m_fault;
        }
        if (pick(0, 1))
            m_continuity->stop();
        else
            m_continuity->close(0);
        return m_fault.isEmpty() ? judge() : m_fault;
    }

    // Whether a gap may be the fault of anything but the exchange, which never had it.
    bool losesToHistory() const
    {
        return m_restarts || m_failPercent > 0 || m_partialPercent > 0 || m_settings.maxBackfill < m_count ||
               m_historyDelay > 100 || m_gaps.size() > 64 || m_historyBehind > m_settings.historyLag.count();
    }
    qsizetype recordsOut() const { return qsizetype(m_stored.size()); }
    int gaps() const { return int(m_gaps.size()); }
    int lateRecords() const { return m_late; }

private:
    int pick(int from, int to) { return std::uniform_int_distribution(from, to)(m_random); }
    Timestamp now() const { return Timestamp{startNs + m_time * ms}; }

    Trade trade(qint64 id) const
    {
        return {.exchange = Symbol("test"),
                .symbol = Symbol("BTCUSDT"),
                .ts_event = Timestamp{startNs + id * 10 * ms},
                .ts_recv = now(),
                .trade_id = id};
    }

    void plan()
    {
        bool isAway = false;
        for (const qint64 id : m_existing) {
            if (m_isLossy && pick(1, 40) == 1)
                isAway = !isAway;
            if (isAway || pick(1, 100) <= m_lossPercent)
                continue;
            const int copies = pick(1, 30) == 1 ? 2 : 1;
            for (int copy = 0; copy < copies; ++copy)
                m_arrivals.insert({id * 10 + (pick(1, 10) == 1 ? pick(0, 300) : pick(0, 15)), id});
        }
    }

    void begin(const QByteArray &position)
    {
        Continuity<Trade>::Handlers handlers;
        handlers.record = [this](int, const Trade &record) { store(record); };
        handlers.gap = [this](int, const Gap &gap, const QByteArray &reason) { store(gap, reason); };
        handlers.fetch = [this](int, qint64 first, qint64 last, const Continuity<Trade>::Answer &answer) {
            if (m_historyDelay == 0 && pick(0, 1)) {
                answer(history(first, last)); // at once, within the call
                return;
            }
            m_asked.push_back({m_time + pick(0, m_historyDelay), first, last, answer});
        };
        m_continuity = std::make_unique<Continuity<Trade>>(m_settings, std::move(handlers));
        m_continuity->open(0, {Symbol("test"), Symbol("BTCUSDT"), Symbol("trade")});
        m_next = 0;
        if (!position.isEmpty() && !m_continuity->resume(0, position))
            m_fault = "resume() refuses " + QString::fromUtf8(position);
    }

    // The old one's answers must not reach the new one.
    void restart()
    {
        const bool gently = pick(0, 1) != 0;
        if (gently)
            m_continuity->stop();
        const QByteArray position = m_continuity->position(0);
        m_restarted = m_restarted || !position.isEmpty();
        begin(position);
    }

    Result<HistoryPage<Trade>> history(qint64 first, qint64 last)
    {
        if (pick(1, 100) <= m_failPercent)
            return Error{Error::Kind::Network, QStringLiteral("history is away")};
        HistoryPage<Trade> page;
        if (pick(1, 20) == 1)
            page.records.push_back(trade(std::max<qint64>(first - 1, 1))); // not asked for
        const qint64 reached = std::max<qint64>(m_time - m_historyBehind, 0) / 10;
        const qint64 newest = std::min(last == 0 ? m_count : last, reached);
        const bool isPartial = pick(1, 100) <= m_partialPercent;
        int room = isPartial ? pick(0, 10) : 1000000;
        for (auto id = m_existing.lower_bound(first); id != m_existing.end() && *id <= newest; ++id) {
            if (room-- == 0) {
                page.complete = false;
                return page;
            }
            page.records.push_back(trade(*id));
        }
        if (last != 0 && last < reached && pick(1, 20) == 1)
            page.records.push_back(trade(last + 1));
        return page;
    }

    void answerDue()
    {
        for (std::size_t index = 0; index < m_asked.size();) {
            if (m_asked[index].at > m_time) {
                ++index;
                continue;
            }
            const Asked asked = m_asked[index];
            m_asked.erase(m_asked.begin() + std::ptrdiff_t(index));
            const auto page = history(asked.first, asked.last);
            asked.answer(page);
            if (pick(1, 10) == 1)
                asked.answer(page); // a second answer is nobody's
        }
    }

    void deliver(qint64 id)
    {
        if (m_first == 0)
            m_first = id;
        m_continuity->add(0, trade(id));
    }

    bool isInOpenGap(qint64 id) const
    {
        return std::any_of(m_gaps.begin(), m_gaps.end(), [id](const auto &entry) {
            const Gap &gap = entry.second;
            return gap.state == GapState::Open && gap.first_missing <= id && id <= gap.last_missing;
        });
    }

    void store(const Trade &record)
    {
        const qint64 id = record.trade_id;
        if (!m_existing.contains(id))
            m_fault = QStringLiteral("%1 never was").arg(id);
        if (!m_stored.insert(id).second && !m_restarted)
            m_fault = QStringLiteral("%1 came out twice").arg(id);
        if (m_next != 0 && id < m_next) {
            ++m_late;
            if (!isInOpenGap(id) && !m_restarted)
                m_fault = QStringLiteral("%1 after %2, without a gap").arg(id).arg(m_next - 1);
            return;
        }
        for (qint64 between = m_next; m_next != 0 && between < id; ++between) {
            if (!isInOpenGap(between) && !m_restarted)
                m_fault = QStringLiteral("%1 before %2, without a gap").arg(id).arg(between);
        }
        m_next = id + 1;
    }

    void store(const Gap &gap, const QByteArray &reason)
    {
        if (reason.isEmpty() || gap.first_missing < 1 || gap.last_missing < gap.first_missing)
            m_fault = QStringLiteral("a gap of %1 to %2").arg(gap.first_missing).arg(gap.last_missing);
        const auto known = m_gaps.find(gap.ts_from.ns);
        const bool isNarrowed = known != m_gaps.end() && gap.first_missing >= known->second.first_missing &&
                                gap.last_missing <= known->second.last_missing;
        if (known != m_gaps.end() && gap.state == GapState::Open && !isNarrowed && !m_restarted)
            m_fault = QStringLiteral("two gaps of one key");
        if (gap.state == GapState::Filled && (known == m_gaps.end() || known->second.state != GapState::Open))
            m_fault = QStringLiteral("filled what was never open");
        m_gaps[gap.ts_from.ns] = gap;
        if (gap.state == GapState::Open && gap.last_missing >= m_next && m_next != 0)
            m_next = std::max(m_next, gap.last_missing + 1);
    }

    // Every id from the first that came to the last that came out is stored or in a gap, and not in both.
    QString judge() const
    {
        std::map<qint64, int> gapped;
        for (const auto &[from, gap] : m_gaps) {
            if (gap.state == GapState::Filled)
                continue;
            for (qint64 id = gap.first_missing; id <= gap.last_missing; ++id)
                ++gapped[id];
        }
        const qint64 last = m_stored.empty() ? 0 : *m_stored.rbegin();
        for (qint64 id = m_first; m_first != 0 && id <= last; ++id) {
            const int times = (m_stored.contains(id) ? 1 : 0) + (gapped.contains(id) ? gapped.at(id) : 0);
            if (times == 0 || (times > 1 && !m_restarted))
                return QStringLiteral("%1 is accounted for %2 times").arg(id).arg(times);
        }
        const auto lastArrival = std::max_element(m_arrivals.begin(), m_arrivals.end(),
                                                  [](auto &a, auto &b) { return a.second < b.second; });
        if (!losesToHistory()) {
            for (const auto &[id, times] : gapped) {
                if (m_existing.contains(id))
                    return QStringLiteral("%1 is missing, though history had it in time").arg(id);
            }
        }
        if (!m_restarted && lastArrival != m_arrivals.end() && last < lastArrival->second)
            return QStringLiteral("%1 came and did not go out").arg(lastArrival->second);
        return {};
    }

    struct Asked
    {
        qint64 at;
        qint64 first;
        qint64 last;
        Continuity<Trade>::Answer answer;
    };

    std::mt19937 m_random;
    bool m_restarts;
    ContinuitySettings m_settings;
    qint64 m_count = 0;
    int m_lossPercent = 0;
    int m_failPercent = 0;
    int m_partialPercent = 0;
    int m_historyDelay = 0;
    int m_historyBehind = 0;
    bool m_catchUps = false;
    bool m_isLossy = false;
    std::set<qint64> m_existing;
    std::multimap<qint64, qint64> m_arrivals; // time, id
    std::unique_ptr<Continuity<Trade>> m_continuity;
    std::vector<Asked> m_asked;
    qint64 m_time = 0;
    qint64 m_first = 0;
    qint64 m_next = 0;
    int m_late = 0;
    int m_verdicts = 0;
    bool m_restarted = false;
    std::set<qint64> m_stored;
    std::map<qint64, Gap> m_gaps; // by ts_from
    QString m_fault;
};

} // namespace

class tst_ContinuityModel : public QObject
{
    Q_OBJECT

private slots:
    void accountsForEveryRecordOnce_data()
    {
        QTest::addColumn<bool>("restarts");
        QTest::newRow("one run") << false;
        QTest::newRow("runs that end and go on") << true;
    }
    void accountsForEveryRecordOnce()
    {
        QFETCH(bool, restarts);
        qsizetype records = 0;
        int gaps = 0;
        int late = 0;
        int whole = 0; // in which every gap is to be filled
        const int seeds = qEnvironmentVariable("TIDEMILL_SEEDS", QStringLiteral("4000")).toInt();
        for (int seed = 1; seed <= seeds; ++seed) {
            World world(quint32(seed), restarts);
            const QString fault = world.run();
            QVERIFY2(fault.isEmpty(), qPrintable(QStringLiteral("seed %1: %2").arg(seed).arg(fault)));
            records += world.recordsOut();
            gaps += world.gaps();
            late += world.lateRecords();
            whole += world.losesToHistory() ? 0 : 1;
        }
        // That the worlds are not all alike.
        QVERIFY(records > seeds * 10);
        QVERIFY(gaps > seeds);
        QVERIFY(late > seeds);
        QVERIFY(restarts || whole > seeds / 20);
    }
};

QTEST_GUILESS_MAIN(tst_ContinuityModel)
#include "tst_continuity_model.moc"
