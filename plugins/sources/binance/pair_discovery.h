// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pair_mapping.h"

#include <tidemill/backoff.h>
#include <tidemill/net/rest_client.h>
#include <tidemill/option.h>

#include <QTimer>

namespace tidemill::binance {

// The options `discover.*`.
struct DiscoveryOptions
{
    enum class Plan { Demo, Pro };

    OptionList options();
    OptionErrors validate() const;
    bool isWanted() const { return top > 0; }

    int top = 0;
    QString quote = QStringLiteral("USDT");
    std::chrono::milliseconds refresh = std::chrono::hours(1);
    QStringList fallback{"BTCUSDT",  "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT",
                         "DOGEUSDT", "XRPUSDT", "DOTUSDT", "UNIUSDT", "LINKUSDT"};
    QStringList exclude{"USDT",  "USDC", "DAI",  "FDUSD", "TUSD", "USDE", "USDS",
                        "PYUSD", "USD1", "BUSD", "USDP",  "GUSD", "FRAX"};
    QString coinsUrl; // empty: the plan's
    QString coinsKey;
    Plan plan = Plan::Pro; // of the key, if there is one
};

// Finds the pairs of the largest coins again and again: CoinGecko says which coins, Binance which of them are
// traded. As long as there is no answer, or a broken one, nothing is found and the old list stands.
class PairDiscovery : public QObject
{
    Q_OBJECT

public:
    // `exchange` asks Binance and outlives this object.
    PairDiscovery(net::RestClient &exchange, QObject *parent);

    // An error only if the settings cannot work.
    Result<> start(const DiscoveryOptions &options, const QUrl &exchangeUrl, const net::HttpSettings &http);
    void stop();

Q_SIGNALS:
    void found(const QStringList &pairs); // all that are wanted, fallback included
    void failed(const QString &reason);   // tried again

private:
    void begin();
    void fetchCoins(int page);
    void fail(const Error &error);

    net::RestClient &m_exchange;
    net::RestClient m_coinsRest{this};
    DiscoveryOptions m_options;
    PairRules m_rules;
    QUrl m_exchangeUrl;
    TradablePairs m_tradable; // of the round under way, as are
    QStringList m_coins;
    Backoff m_backoff{{.initial = std::chrono::seconds(15), .max = std::chrono::minutes(10)}};
    QTimer m_timer{this};
};

} // namespace tidemill::binance
