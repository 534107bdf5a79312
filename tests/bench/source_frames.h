// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>

#include <string>

namespace tidemill::bench {

// Frames of exchanges as they are sent, of fifty products in turn, made up. A frame's number is its sequence,
// or its trade's id among those of its product.

constexpr int frameProducts = 50;
constexpr qint64 firstNumber = 77'000'000'000;

// "P07-USD", or with another separator.
QByteArray productName(int index, char separator);

// Coinbase Exchange's ticker.
void appendTicker(std::string &out, qint64 index);
// Kraken's trades, one a frame.
void appendTrade(std::string &out, qint64 index);
quint64 sumOfIds(quint64 tickers);
quint64 sumOfTradeIds(quint64 trades);

// Coinbase Advanced's whole book of BTC-USD, 46,000 levels in 5 MB; it has room for a sequence number.
constexpr quint64 snapshotLevels = 46'000;
std::string bookSnapshot();
void setSequence(std::string &frame, qint64 sequence);

} // namespace tidemill::bench
