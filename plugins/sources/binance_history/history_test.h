// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test_files.h"
#include "test_market.h"

#include <tidemill/decimal_math.h>
#include <tidemill/testing.h>

#include <QTemporaryDir>

#include <numeric>

namespace tidemill::testing {

using exchange::FakeExchange;

// The source against an exchange that enforces its rules, over real sockets. What comes must be the past that
// the test has laid down: every id once, in order.
class HistoryTest : public QObject
{
protected:
    void setUp()
    {
        m_exchange = std::make_unique<FakeExchange>();
        QString error;
        QVERIFY2(m_exchange->start(&error), qPrintable(error));
        auto market = std::make_unique<PastMarket>("BTCUSDT");
        m_market = market.get();
        m_exchange->setData(std::move(market));
        m_files = std::make_unique<QTemporaryDir>();
    }

    void tearDown()
    {
        m_source.reset();
        m_spies.clear();
        m_exchange.reset();
    }

    static QString recording(const QString &path)
    {
        const QString file = QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data/") + path;
        return QFile::exists(file) ? file : QString();
    }

    static bool isSum(const DecimalSum &sum, const QByteArray &expected)
    {
        DecimalSum wanted;
        wanted.add(Decimal::parse(expected).value_or(Decimal::null()));
        return DecimalSum::compare(sum, wanted) == std::strong_ordering::equal;
    }

    static QList<qint64> idsFrom(qint64 first, qint64 count)
    {
        QList<qint64> ids(count);
        std::iota(ids.begin(), ids.end(), first);
        return ids;
    }

    static QByteArray csvLine(qint64 id)
    {
        return QByteArray::number(id) + ",1.50," + QByteArray::number(id % 97 + 1) + ".25,1,1," +
               QByteArray::number(1709251200000 + id * 25000) + ",True,True\n";
    }

    // Trades from 2024-03-01 on, the first with that id.
    void layDown(qint64 first, qint64 count, qint64 inOneMillisecond, qint64 apartMs = 1)
    {
        const qint64 begin = PastMarket::us("2024-03-01T00:00:00Z");
        for (qint64 id = first; id < first + count; ++id)
            m_market->trade(id, begin + id / inOneMillisecond * apartMs * 1000);
    }

    void create(const QVariantMap &options, const QHash<QByteArray, QByteArray> &positions)
    {
        QVariantMap all{{"symbols", QStringList{"BTCUSDT"}},
                        {"rest_url", m_exchange->restUrl().toString()},
                        {"history_url", m_exchange->restUrl().toString()},
                        {"overlap", "0s"}};
        all.insert(options);
        NodeContext context;
        context.name = QStringLiteral("history");
        context.stateDirectory = m_files->path();
        context.positions = positions;
        auto source = testing::create<Source>("binance_history", all, context);
        TIDEMILL_VERIFY(source);
        m_source = *std::move(source);
        m_spies.push_back(std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted));
        m_finished = std::make_unique<QSignalSpy>(m_source.get(), &Source::finished);
    }

    void start(const QVariantMap &options, const QHash<QByteArray, QByteArray> &positions = {})
    {
        create(options, positions);
        if (m_source)
            TIDEMILL_VERIFY(m_source->start());
    }

    // Ids of what the newest source has emitted.
    QList<qint64> collected() const
    {
        QList<qint64> ids;
        for (const BatchPtr &batch : batches(*m_spies.back())) {
            for (const AggTrade &trade : batch->rows<AggTrade>())
                ids.append(trade.agg_trade_id);
            for (const Trade &trade : batch->rows<Trade>())
                ids.append(trade.trade_id);
        }
        return ids;
    }

    std::unique_ptr<FakeExchange> m_exchange;
    PastMarket *m_market = nullptr;
    std::unique_ptr<QTemporaryDir> m_files;
    NodePtr<Source> m_source;
    std::vector<std::unique_ptr<QSignalSpy>> m_spies;
    std::unique_ptr<QSignalSpy> m_finished;
};

} // namespace tidemill::testing
