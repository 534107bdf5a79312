// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_data.h"
#include "order_book.h"
#include "tape.h"

#include <QElapsedTimer>
#include <QTimer>

namespace tidemill::exchange {

struct TapeOptions
{
    double speed = 1;           // times the recorded pace
    bool asFastAsTaken = false; // instead: as fast as the clients take it, and only while there are any
    int startClients = 1;
    int startStreams = 0; // subscribed to, until the tape begins
};

// Plays a tape once. Its position moves on while nobody is connected, as life does; it waits only for a
// client that is slow to read, so that what is sent is never dropped.
class TapePlayer final : public MarketData
{
    Q_OBJECT

public:
    TapePlayer(Tape tape, TapeOptions options);

    QByteArrayList symbols() const override { return m_symbols; }
    qint64 nowUs() const override;
    bool hasEnded() const override { return m_position >= m_tape.frames().size(); }
    std::optional<QByteArray> depth(const QByteArray &symbol, int limit) override;
    const History *history(const QByteArray &symbol) override;
    bool isRecorded() const override { return true; }
    QList<CandleRow> candles(const QByteArray &, const QByteArray &, const RowQuery &) override { return {}; }
    Chunks truth(const QByteArray &kind, const QByteArray &symbol) override;
    QJsonObject position() const override;

protected:
    void wake() override;

private:
    // What REST answers for one symbol, brought up to the playback position when it is asked for: parsing
    // every frame while playing would make the fake slower than what it tests.
    struct SymbolState
    {
        std::vector<std::size_t> depthFrames;
        std::vector<std::size_t> tradeFrames;
        std::size_t depthApplied = 0;
        std::size_t tradesRead = 0;
        QByteArray depthStream;
        OrderBook book;
        History history{std::numeric_limits<qsizetype>::max()};
        bool bookLoaded = false;
    };

    void play();
    void publishNext();
    bool isDue(std::size_t frame) const;
    void scheduleNext();
    void loadSnapshot(const QByteArray &symbol, SymbolState &state);

    Tape m_tape;
    TapeOptions m_options;
    QByteArrayList m_symbols;
    QHash<QByteArray, SymbolState> m_states;
    std::size_t m_position = 0;
    bool m_endReported = false;
    QElapsedTimer m_clock;
    QTimer m_timer{this};
};

} // namespace tidemill::exchange
