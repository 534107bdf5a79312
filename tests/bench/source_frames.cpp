// SPDX-License-Identifier: Apache-2.0
#include "source_frames.h"

#include <array>
#include <cstdio>

namespace tidemill::bench {

namespace {

constexpr std::size_t sequenceDigits = 9;
constexpr std::string_view sequenceName = "\"sequence_num\":";

template<typename... Values>
void print(std::string &out, const char *format, Values... values)
{
    std::array<char, 1024> text;
    const int size = std::snprintf(text.data(), text.size(), format, values...);
    out.append(text.data(), std::size_t(size));
}

} // namespace

QByteArray productName(int index, char separator)
{
    return 'P' + QByteArray::number(index).rightJustified(2, '0') + separator + "USD";
}

void appendTicker(std::string &out, qint64 index)
{
    const int cents = int(index * 7 % 100);
    print(out,
          "{\"type\":\"ticker\",\"sequence\":%lld,\"product_id\":\"P%02d-USD\",\"price\":\"61234.%02d\","
          "\"open_24h\":\"60900.01\",\"volume_24h\":\"2345.67891230\",\"low_24h\":\"60500\",\"high_24h\":"
          "\"61999.9\",\"volume_30d\":\"123456.78901234\",\"best_bid\":\"61234.%02d\",\"best_bid_size\":"
          "\"0.25000000\",\"best_ask\":\"61235.%02d\",\"best_ask_size\":\"0.05340000\",\"side\":\"buy\","
          "\"time\":\"2026-03-02T09:15:17.164892Z\",\"trade_id\":%lld,\"last_size\":\"0.00012\"}",
          static_cast<long long>(firstNumber + index), int(index % frameProducts), cents, cents, cents,
          static_cast<long long>(900'000'000 + index));
}

void appendTrade(std::string &out, qint64 index)
{
    print(out,
          "{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{\"symbol\":\"P%02d/USD\",\"side\":\"%s\","
          "\"price\":61234.%d,\"qty\":0.0014%04d,\"ord_type\":\"limit\",\"trade_id\":%lld,\"timestamp\":"
          "\"2026-03-02T09:15:17.164892Z\"}]}",
          int(index % frameProducts), index % 3 == 0 ? "sell" : "buy", int(index * 7 % 10),
          int(index * 13 % 10'000), static_cast<long long>(firstNumber + index / frameProducts));
}

quint64 sumOfIds(quint64 tickers)
{
    return tickers * quint64(firstNumber) + tickers * (tickers - 1) / 2;
}

quint64 sumOfTradeIds(quint64 trades)
{
    quint64 sum = 0;
    for (quint64 i = 0; i < trades; ++i)
        sum += quint64(firstNumber) + i / quint64(frameProducts);
    return sum;
}

std::string bookSnapshot()
{
    std::string frame = "{\"channel\":\"l2_data\",\"timestamp\":\"2026-03-02T09:15:17.228568804Z\",";
    frame.append(sequenceName).append(sequenceDigits, ' ');
    frame += ",\"events\":[{\"type\":\"snapshot\",\"product_id\":\"BTC-USD\",\"updates\":[";
    for (quint64 i = 0; i < snapshotLevels; ++i) {
        const bool isBid = i < snapshotLevels / 2;
        const int distance = int(isBid ? i : i - snapshotLevels / 2);
        const int cents = isBid ? 6'123'400 - distance : 6'123'401 + distance;
        print(frame,
              "%s{\"side\":\"%s\",\"event_time\":\"2026-03-02T09:15:17.210883Z\",\"price_level\":\"%d.%02d\","
              "\"new_quantity\":\"0.%08d\"}",
              i == 0 ? "" : ",", isBid ? "bid" : "offer", cents / 100, cents % 100,
              int(1 + i * 7919 % 9'000'000));
    }
    return frame + "]}]}";
}

void setSequence(std::string &frame, qint64 sequence)
{
    std::string digits = std::to_string(sequence);
    digits.insert(0, sequenceDigits - digits.size(), ' '); // white space in front of a number is JSON
    frame.replace(frame.find(sequenceName) + sequenceName.size(), sequenceDigits, digits);
}

} // namespace tidemill::bench
