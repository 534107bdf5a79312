// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayList>
#include <QList>

namespace tidemill::exchange {

struct ListedSymbol
{
    QByteArray name;
    QByteArray base;
    QByteArray quote;
    QByteArray status = "TRADING";
    bool spot = true; // isSpotTradingAllowed
};

// An invented listing of `count` symbols, the same every time: most trade against USDT, every tenth coin is
// halted, some have pairs against other assets only, some may not be traded on the spot market.
QList<ListedSymbol> listedSymbols(int count);

// Those of them that one can subscribe to and get something.
QByteArrayList tradingSymbols(int count);

// Coins by market cap, in upper case, stablecoins included.
QByteArrayList coinsByMarketCap(int count);

} // namespace tidemill::exchange
