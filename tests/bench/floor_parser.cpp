// SPDX-License-Identifier: Apache-2.0
#include "floor_parser.h"

namespace tidemill::bench {

namespace ondemand = simdjson::ondemand;

FloorParser::FloorParser(const QStringList &symbols, std::string_view streamSuffix)
{
    m_names.reserve(std::size_t(symbols.size())); // addresses must hold
    for (const QString &symbol : symbols) {
        m_names.push_back(symbol.toLower().toStdString() + std::string(streamSuffix));
        m_symbols.emplace(m_names.back(), Symbol(symbol.toUtf8()));
    }
}

bool FloorParser::open(std::string_view message, Object &data, Symbol &symbol)
{
    const simdjson::padded_string_view padded(message.data(), message.size(),
                                              message.size() + simdjson::SIMDJSON_PADDING);
    std::string_view stream;
    if (m_parser.iterate(padded).get(m_document) != simdjson::SUCCESS ||
        m_document["stream"].get_string().get(stream) != simdjson::SUCCESS ||
        m_document["data"].get_object().get(data) != simdjson::SUCCESS)
        return false;
    const auto known = m_symbols.find(stream);
    if (known == m_symbols.end())
        return false;
    symbol = known->second;
    return true;
}

bool FloorParser::parseTrade(std::string_view message, Timestamp received, Trade &trade)
{
    Object data;
    std::string_view price;
    std::string_view quantity;
    int64_t id = 0;
    int64_t time = 0;
    bool buyerIsMaker = false;
    if (!open(message, data, trade.symbol) || data.find_field("t").get_int64().get(id) != simdjson::SUCCESS ||
        data.find_field("p").get_string().get(price) != simdjson::SUCCESS ||
        data.find_field("q").get_string().get(quantity) != simdjson::SUCCESS ||
        data.find_field("T").get_int64().get(time) != simdjson::SUCCESS ||
        data.find_field("m").get_bool().get(buyerIsMaker) != simdjson::SUCCESS)
        return false;
    trade.exchange = m_exchange;
    trade.ts_event =
        time > 1'000'000'000'000'000 ? Timestamp::fromMicroseconds(time) : Timestamp::fromMilliseconds(time);
    trade.ts_recv = received;
    trade.trade_id = id;
    trade.price = parseDecimal(price);
    trade.quantity = parseDecimal(quantity);
    trade.side = buyerIsMaker ? Side::Sell : Side::Buy;
    return true;
}

bool FloorParser::parseLevels(ondemand::array levels, std::vector<Level> &out)
{
    out.clear();
    for (auto entry : levels) {
        ondemand::array pair;
        if (entry.get_array().get(pair) != simdjson::SUCCESS)
            return false;
        Level level;
        Decimal *member = &level.price;
        for (auto element : pair) {
            std::string_view text;
            if (element.get_string().get(text) != simdjson::SUCCESS)
                return false;
            *member = parseDecimal(text);
            member = &level.quantity;
        }
        out.push_back(level);
    }
    return true;
}

bool FloorParser::parseDepth(std::string_view message, Timestamp received, BookUpdate &update)
{
    Object data;
    int64_t time = 0;
    int64_t first = 0;
    int64_t last = 0;
    ondemand::array levels;
    if (!open(message, data, update.symbol) ||
        data.find_field("E").get_int64().get(time) != simdjson::SUCCESS ||
        data.find_field("U").get_int64().get(first) != simdjson::SUCCESS ||
        data.find_field("u").get_int64().get(last) != simdjson::SUCCESS ||
        data.find_field("b").get_array().get(levels) != simdjson::SUCCESS || !parseLevels(levels, m_bids) ||
        data.find_field("a").get_array().get(levels) != simdjson::SUCCESS || !parseLevels(levels, m_asks))
        return false;
    update.exchange = m_exchange;
    update.ts_event = Timestamp::fromMilliseconds(time);
    update.ts_recv = received;
    update.first_update_id = first;
    update.last_update_id = last;
    return true;
}

} // namespace tidemill::bench
