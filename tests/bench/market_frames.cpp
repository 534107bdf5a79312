// SPDX-License-Identifier: Apache-2.0
#include "market_frames.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace tidemill::bench {

namespace {

// Different frames of each symbol. The averages of a strategy would cross too often if changes of a book came
// around soon.
constexpr int variants = 32;
constexpr int depthVariants = 256;
constexpr qint64 firstTradeId = 5'000'000'000;
constexpr qint64 idsOfSymbol = 10'000'000; // apart, so that a mix-up shows in the sums

// The same numbers on every machine and with every library.
class Random
{
public:
    explicit Random(quint64 seed) : m_state(seed * 0x9e3779b97f4a7c15 + 1) {}
    quint64 below(quint64 limit)
    {
        m_state ^= m_state << 13;
        m_state ^= m_state >> 7;
        m_state ^= m_state << 17;
        return m_state % limit;
    }

private:
    quint64 m_state;
};

QStringList firstSymbols(int count)
{
    static const QStringList names{
        "BTC",  "ETH", "BNB",  "SOL",  "XRP",  "ADA",   "DOGE", "TRX",  "TON",  "LINK", "DOT", "AVAX", "LTC",
        "BCH",  "UNI", "NEAR", "APT",  "ICP",  "ETC",   "FIL",  "ATOM", "ARB",  "OP",   "INJ", "IMX",  "HBAR",
        "VET",  "STX", "MKR",  "GRT",  "RUNE", "THETA", "AAVE", "ALGO", "EGLD", "SAND", "AXS", "MANA", "GALA",
        "FLOW", "XTZ", "CHZ",  "KAVA", "CRV",  "SNX",   "ZEC",  "DASH", "COMP", "ENJ",  "BAT"};
    QStringList symbols;
    for (const QString &name : names.first(count))
        symbols.append(name + QLatin1String("USDT"));
    return symbols;
}

// 6123402000000 as "61234.02000000".
std::string eightDigits(quint64 mantissa)
{
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%llu.%08llu",
                  static_cast<unsigned long long>(mantissa / 100'000'000),
                  static_cast<unsigned long long>(mantissa % 100'000'000));
    return text.data();
}

// A final, unmasked text frame; the payload comes in parts.
std::string textFrame(std::initializer_list<std::string_view> parts)
{
    std::string payload;
    for (const std::string_view part : parts)
        payload += part;
    std::string frame("\x81");
    if (payload.size() < 126) {
        frame += char(payload.size());
    } else {
        frame += char(126);
        frame += char(payload.size() >> 8);
        frame += char(payload.size() & 0xff);
    }
    return frame.append(payload);
}

void writeDigits(char *first, std::size_t count, qint64 number)
{
    for (char *at = first + count; at != first; number /= 10)
        *--at = char('0' + number % 10);
}

std::size_t endOf(const std::string &frame, std::string_view text)
{
    return frame.find(text) + text.size();
}

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return char(c | 0x20); });
    return text;
}

} // namespace

std::string MarketFrames::snapshot(std::string_view) const
{
    return "{}";
}

TradeFrames::TradeFrames(Stamps stamps) : m_stamps(stamps)
{
    const std::string time = stamps == Stamps::Fixed ? "1772442917897" : "1772442917897000";
    const QStringList names = symbols();
    for (int symbol = 0; symbol < symbolCount; ++symbol) {
        Random random(quint64(symbol) + 1);
        const std::string name = names[symbol].toStdString();
        const quint64 around = (1 + random.below(90'000)) * 100'000'000;
        for (int variant = 0; variant < variants; ++variant) {
            const quint64 price = around + random.below(around / 100) / 1'000'000 * 1'000'000;
            const quint64 quantity = 1'000 * (1 + random.below(2'000'000));
            Template made;
            made.frame =
                textFrame({"{\"stream\":\"", lower(name), "@trade\",\"data\":{\"e\":\"trade\",\"E\":", time,
                           ",\"s\":\"", name, "\",\"t\":5000000000,\"p\":\"", eightDigits(price),
                           "\",\"q\":\"", eightDigits(quantity), "\",\"T\":", time,
                           ",\"m\":", random.below(2) == 0 ? "true" : "false", ",\"M\":true}}"});
            made.price = price;
            made.quantity = quantity;
            made.idAt = endOf(made.frame, "\"t\":");
            made.eventTimeAt = endOf(made.frame, "\"E\":");
            made.tradeTimeAt = endOf(made.frame, "\"T\":");
            m_templates.push_back(std::move(made));
        }
    }
}

QStringList TradeFrames::symbols()
{
    return firstSymbols(symbolCount);
}

const TradeFrames::Template &TradeFrames::templateOf(qint64 index) const
{
    return m_templates[std::size_t(index % symbolCount * variants + index / symbolCount % variants)];
}

void TradeFrames::append(std::string &out, qint64 index) const
{
    const Template &made = templateOf(index);
    const std::size_t start = out.size();
    out += made.frame;
    char *const frame = out.data() + start;
    writeDigits(frame + made.idAt, 10,
                firstTradeId + index % symbolCount * idsOfSymbol + index / symbolCount);
    if (m_stamps == Stamps::Now) {
        using namespace std::chrono;
        const qint64 now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
        writeDigits(frame + made.eventTimeAt, 16, now);
        writeDigits(frame + made.tradeTimeAt, 16, now);
    }
}

TradeFrames::Sums TradeFrames::sums(qint64 frames) const
{
    Sums sums{.rows = quint64(frames)};
    for (qint64 index = 0; index < frames; ++index) {
        const Template &made = templateOf(index);
        sums.ids += quint64(firstTradeId + index % symbolCount * idsOfSymbol + index / symbolCount);
        sums.prices += made.price;
        sums.quantities += made.quantity;
    }
    return sums;
}

namespace {

constexpr quint64 middle = 6'123'400'000'000;
constexpr quint64 tick = 1'000'000;

// Level 1 is the best one.
std::string level(bool isBid, quint64 number, quint64 quantity)
{
    const quint64 price = isBid ? middle - number * tick : middle + number * tick;
    std::string text = "[\"";
    text.append(eightDigits(price)).append("\",\"").append(eightDigits(quantity)).append("\"]");
    return text;
}

// Some of the best 30 levels, best first, now and then one that goes away.
std::string changes(bool isBid, Random &random)
{
    std::string text;
    quint64 number = 0;
    for (int i = 0; i < DepthFrames::levels; ++i) {
        number += 1 + random.below(3);
        const quint64 quantity = random.below(8) == 0 ? 0 : 1'000 * (1 + random.below(500'000));
        text += level(isBid, number, quantity);
        text += ',';
    }
    text.pop_back();
    return text;
}

} // namespace

DepthFrames::DepthFrames()
{
    const QStringList names = symbols();
    for (int symbol = 0; symbol < symbolCount; ++symbol) {
        Random random(quint64(symbol) + 1000);
        const std::string name = names[symbol].toStdString();
        for (int variant = 0; variant < depthVariants; ++variant) {
            Template made;
            made.frame = textFrame(
                {"{\"stream\":\"", lower(name), "@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",",
                 "\"E\":1772442917897,\"s\":\"", name, "\",\"U\":70000000000,\"u\":70000000000,\"b\":[",
                 changes(true, random), "],\"a\":[", changes(false, random), "]}}"});
            made.firstIdAt = endOf(made.frame, "\"U\":");
            made.lastIdAt = endOf(made.frame, "\"u\":");
            m_templates.push_back(std::move(made));
        }
    }
}

QStringList DepthFrames::symbols()
{
    return firstSymbols(symbolCount);
}

void DepthFrames::append(std::string &out, qint64 index) const
{
    const Template &made =
        m_templates[std::size_t(index % symbolCount * depthVariants + index / symbolCount % depthVariants)];
    const std::size_t start = out.size();
    out += made.frame;
    writeDigits(out.data() + start + made.firstIdAt, 11, lastId(index) - idsPerUpdate + 1);
    writeDigits(out.data() + start + made.lastIdAt, 11, lastId(index));
}

std::string DepthFrames::snapshot(std::string_view) const
{
    std::string bids;
    std::string asks;
    Random random(77);
    for (quint64 number = 1; number <= bookLevels; ++number) {
        bids.append(number == 1 ? "" : ",").append(level(true, number, 1'000 * (1 + random.below(500'000))));
        asks.append(number == 1 ? "" : ",").append(level(false, number, 1'000 * (1 + random.below(500'000))));
    }
    std::string body = "{\"lastUpdateId\":";
    body.append(std::to_string(lastId(0)))
        .append(",\"bids\":[")
        .append(bids)
        .append("],\"asks\":[")
        .append(asks);
    return body.append("]}");
}

} // namespace tidemill::bench
