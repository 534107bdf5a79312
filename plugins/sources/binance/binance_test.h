// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/fake_exchange.h"

#include <tidemill/testing.h>

namespace tidemill::binance {

using namespace tidemill::exchange;

// A source against an exchange that enforces the rules, over real sockets. Tests of the plugin derive from
// it.
class BinanceTest : public QObject
{
protected:
    void open(const Settings &settings = {})
    {
        m_exchange = std::make_unique<FakeExchange>(settings);
        QString error;
        QVERIFY2(m_exchange->start(&error), qPrintable(error));
    }

    void close()
    {
        m_source.reset();
        m_spy.reset();
        m_exchange.reset();
    }

    void generate(int rate = 50, const QByteArrayList &symbols = {"BTCUSDT"})
    {
        GeneratorOptions options;
        options.seed = 7;
        options.symbols = symbols;
        options.eventsPerSecond = rate;
        m_exchange->generate(options);
    }

    void create(const QStringList &streams, const QVariantMap &more = {},
                const QHash<QByteArray, QByteArray> &positions = {})
    {
        QVariantMap options{{"url", m_exchange->wsUrl().toString()},
                            {"rest_url", m_exchange->restUrl().toString()},
                            {"symbols", QStringList{"BTCUSDT"}},
                            {"streams", streams}};
        options.insert(more);
        auto node = testing::create<Source>("binance", options);
        TIDEMILL_VERIFY(node);
        m_source = *std::move(node);
        if (!positions.isEmpty()) {
            NodeContext context = m_source->context();
            context.positions = positions;
            m_source->setContext(context);
        }
        m_spy = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
        connect(m_source.get(), &Source::streamsChanged, this, [this](const QList<Source::Stream> &list) {
            m_streams = list;
            if (!list.isEmpty())
                m_lastData = list.first().lastDataNs;
        });
        connect(m_source.get(), &Source::positionReached, this,
                [this](const QByteArray &stream, const QByteArray &position) {
                    m_positions.insert(stream, position);
                });
    }

    void start(const QStringList &streams, const QVariantMap &more = {},
               const QHash<QByteArray, QByteArray> &positions = {})
    {
        create(streams, more, positions);
        if (!m_source)
            return; // and that was said
        TIDEMILL_VERIFY(m_source->start());
    }

    void inject(const QString &fault)
    {
        QString error;
        QVERIFY2(m_exchange->inject(fault, &error), qPrintable(error));
    }

    template<typename Record>
    QList<Record> rows() const
    {
        return testing::rows<Record>(*m_spy);
    }

    // Ids of the trades so far, of a symbol, in the order in which they came out.
    QList<qint64> tradeIds(const char *symbol = "BTCUSDT") const
    {
        QList<qint64> ids;
        for (const Trade &trade : rows<Trade>()) {
            if (trade.symbol == Symbol(symbol))
                ids.append(trade.trade_id);
        }
        return ids;
    }

    // Each once and in order, none missing: what holds as long as the exchange has a history.
    static bool areConsecutive(const QList<qint64> &ids)
    {
        for (qsizetype i = 1; i < ids.size(); ++i) {
            if (ids[i] != ids[i - 1] + 1)
                return false;
        }
        return !ids.isEmpty();
    }

    std::unique_ptr<FakeExchange> m_exchange;
    NodePtr<Source> m_source;
    std::unique_ptr<QSignalSpy> m_spy;
    QList<Source::Stream> m_streams;
    QHash<QByteArray, QByteArray> m_positions; // that were reached
    std::shared_ptr<std::atomic<qint64>> m_lastData;
};

} // namespace tidemill::binance
