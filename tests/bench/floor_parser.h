// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_frames.h"

#include <tidemill/records.h>

#include <simdjson.h>

#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidemill::bench {

// What simdjson alone costs: exactly the wanted members, in the order in which they come, into the same rows.
// Anything unexpected makes a frame wrong, and that is all that is said about it.
class FloorParser
{
public:
    FloorParser(const QStringList &symbols, std::string_view streamSuffix);

    // At least simdjson's padding must be readable behind the message.
    bool parseTrade(std::string_view message, Timestamp received, Trade &trade);
    // Levels come back through bids() and asks().
    bool parseDepth(std::string_view message, Timestamp received, BookUpdate &update);
    const std::vector<Level> &bids() const { return m_bids; }
    const std::vector<Level> &asks() const { return m_asks; }

    // Digits with a point among them: no exponent, no overflow.
    static Decimal parseDecimal(std::string_view text)
    {
        Decimal decimal;
        for (std::size_t at = 0; at < text.size(); ++at) {
            if (text[at] == '.')
                decimal.exponent = qint8(int(at) + 1 - int(text.size()));
            else
                decimal.mantissa = decimal.mantissa * 10 + (text[at] - '0');
        }
        return decimal;
    }

private:
    using Object = simdjson::ondemand::object;
    bool open(std::string_view message, Object &data, Symbol &symbol);
    bool parseLevels(simdjson::ondemand::array levels, std::vector<Level> &out);

    simdjson::ondemand::parser m_parser;
    simdjson::ondemand::document m_document;
    std::vector<std::string> m_names;
    std::unordered_map<std::string_view, Symbol> m_symbols; // views into m_names
    Symbol m_exchange{"binance"};
    std::vector<Level> m_bids;
    std::vector<Level> m_asks;
};

} // namespace tidemill::bench
