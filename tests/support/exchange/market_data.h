// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"

#include <QByteArrayList>
#include <QJsonObject>
#include <QObject>
#include <QSet>

#include <functional>
#include <optional>

namespace tidemill::exchange {

// One message of one stream, as bytes that are passed on untouched.
struct StreamFrame
{
    QByteArray stream;  // "btcusdt@trade"
    QByteArray payload; // what a raw connection gets
    QByteArray wrapped; // what a combined one gets; empty: made from `payload`
    QByteArray micros;  // `payload` for timeUnit=MICROSECOND; empty: the same as `payload`
    bool binary = false;
};

// Where the data come from: a tape or a generator. Lives on the thread of the exchange.
class MarketData : public QObject
{
    Q_OBJECT

public:
    // Data begin to flow once `startClients` clients have subscribed to something, and to `startStreams`
    // streams in all.
    explicit MarketData(int startClients, int startStreams = 0)
        : m_startClients(startClients)
        , m_startStreams(startStreams)
    {}

    // The first chunk of something long, the next one, and so on; an empty one is the end.
    using Chunks = std::function<QByteArray()>;

    virtual QByteArrayList symbols() const = 0;
    virtual qint64 nowUs() const = 0;
    virtual bool hasEnded() const { return false; }

    // The answer of /api/v3/depth at this moment, consistent with the stream; nothing while there is no book.
    virtual std::optional<QByteArray> depth(const QByteArray &symbol, int limit) = 0;
    virtual const History *history(const QByteArray &symbol) = 0;
    virtual QList<CandleRow> candles(const QByteArray &symbol, const QByteArray &interval,
                                     const RowQuery &) = 0;
    virtual QByteArrayList candleIntervals() const { return {}; }
    // Candles of any whole number of minutes with the running one last; buckets without a trade are absent.
    virtual QList<CandleRow> buckets(const QByteArray &, qint64 /*lengthUs*/) { return {}; }

    // What a client that has just subscribed to `stream` gets first: snapshots and the like.
    virtual QByteArrayList greeting(const QByteArray &) { return {}; }
    // Whether the frames were recorded: then they bring their snapshots along.
    virtual bool isRecorded() const { return false; }

    // Every payload of "trade" or "depth" that has existed until now, a line each, whether or not it was
    // sent.
    virtual Chunks truth(const QByteArray &kind, const QByteArray &symbol) = 0;
    virtual QJsonObject position() const = 0;

public Q_SLOTS:
    void setAudience(int clients);
    void setCongested(bool congested);
    void setDemand(const QSet<QByteArray> &streams);
    void setMicrosecondsWanted(bool wanted) { m_microsecondsWanted = wanted; }

Q_SIGNALS:
    void began();
    void published(const tidemill::exchange::StreamFrame &frame);
    void ended();

protected:
    bool hasBegun() const { return m_begun; }
    int audience() const { return m_audience; }
    bool isCongested() const { return m_congested; }
    bool microsecondsWanted() const { return m_microsecondsWanted; }
    const QSet<QByteArray> &demand() const { return m_demand; }

    // Called when data begin to flow and whenever one of the above has changed since.
    virtual void wake() = 0;
    virtual void applyDemand() {}

private:
    void beginIfWanted();

    int m_startClients;
    int m_startStreams;
    int m_audience = 0;
    bool m_begun = false;
    bool m_congested = false;
    bool m_microsecondsWanted = false;
    QSet<QByteArray> m_demand;
};

} // namespace tidemill::exchange
