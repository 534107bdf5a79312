// SPDX-License-Identifier: Apache-2.0
#include <tidemill/decimal_math.h>
#include <tidemill/order_book.h>
#include <tidemill/plugin.h>

#include <QHash>

#include <algorithm>
#include <array>
#include <type_traits>

using namespace tidemill;

// The average price of every book message, weighted by quantity: of the levels that the message itself names,
// or of the best levels of the book that is kept from all messages. Exact; README.md says how it is rounded.
class WeightedAveragePrice final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("levels", m_levels, "Levels of each side that count.").atLeast(1).atMost(5000),
            Option("of", m_of,
                   "What the levels are those of: each message as sent, or the book kept from all messages.",
                   {QStringLiteral("message"), QStringLiteral("book")}),
        };
    }

    Result<> start() override
    {
        m_dataLoss = counter("tidemill_data_loss_total", "Book messages that gave no price.");
        return {};
    }

protected:
    void process(const BatchPtr &batch) override
    {
        if (batch->is<BookUpdate>())
            average<BookUpdate>(batch);
        else if (batch->is<BookSnapshot>())
            average<BookSnapshot>(batch);
    }

private:
    // Why a message gives no price although nothing is wrong with it.
    enum Loss { OneSided, ZeroQuantity, NoBook, Crossed, Repeat, LossCount };

    struct Book
    {
        OrderBook levels;
        qint64 lastUpdateId = 0;
        bool known = false;
    };

    using Side = std::span<const Level>;

    template<Record Message>
    void average(const BatchPtr &batch);
    std::optional<Decimal> priceOf(Side bids, Side asks);
    std::optional<Decimal> priceOfBook(const Book &book);
    bool applyTo(Book &book, const BookUpdate &update, Side bids, Side asks);
    bool applyTo(Book &book, const BookSnapshot &snapshot, Side bids, Side asks);
    void refuse(const char *reason, const QString &detail);
    void countLosses();

    // Real books have some ten thousand levels; this only keeps a peer gone mad from taking all memory.
    static constexpr std::size_t maxBookLevels = 200'000;

    int m_levels = 5;
    WapOf m_of = WapOf::Message;
    QHash<std::pair<Symbol, Symbol>, Book> m_books;
    std::array<qsizetype, LossCount> m_losses{}; // of the batch at hand
    Counter m_dataLoss;
};

template<Record Message>
void WeightedAveragePrice::average(const BatchPtr &batch)
{
    BatchBuilder<Wap> waps(batch);
    for (const Message &message : batch->rows<Message>()) {
        const Side bids = batch->levels(message.bids);
        const Side asks = batch->levels(message.asks);
        std::optional<Decimal> price;
        if (m_of == WapOf::Message) {
            const auto count = std::size_t(m_levels);
            price =
                priceOf(bids.first(std::min(count, bids.size())), asks.first(std::min(count, asks.size())));
        } else if (Book &book = m_books[{message.exchange, message.symbol}];
                   applyTo(book, message, bids, asks)) {
            price = priceOfBook(book);
        }
        if (price)
            waps.append({.exchange = message.exchange,
                         .symbol = message.symbol,
                         .ts_event = message.ts_event,
                         .ts_recv = message.ts_recv,
                         .update_id = message.last_update_id,
                         .levels = m_levels,
                         .price = *price,
                         .of = m_of,
                         .provenance = message.provenance});
    }
    countLosses();
    if (!waps.isEmpty())
        emit emitted(waps.finish());
}

// The sums are exact, so the order of the levels does not matter.
std::optional<Decimal> WeightedAveragePrice::priceOf(Side bids, Side asks)
{
    if (bids.empty() || asks.empty()) {
        ++m_losses[OneSided];
        return std::nullopt;
    }
    DecimalSum value;
    DecimalSum quantity;
    for (const Side side : {bids, asks}) {
        for (const Level &level : side) {
            value.addProduct(level.price, level.quantity);
            quantity.add(level.quantity);
        }
    }
    if (quantity.isZero() && !quantity.isLost()) {
        ++m_losses[ZeroQuantity];
        return std::nullopt;
    }
    const auto price = DecimalSum::quotient(value, quantity);
    if (!price)
        refuse("too_large", QStringLiteral("prices and quantities whose average 128 bits do not hold"));
    return price;
}

std::optional<Decimal> WeightedAveragePrice::priceOfBook(const Book &book)
{
    if (book.levels.isCrossed()) {
        ++m_losses[Crossed];
        return std::nullopt;
    }
    const auto best = [this](const std::vector<Level> &side) {
        return Side(side).last(std::min(std::size_t(m_levels), side.size())); // the best level is the last
    };
    return priceOf(best(book.levels.bids()), best(book.levels.asks()));
}

// False, and counted, if there is no price to be had from the book now.
bool WeightedAveragePrice::applyTo(Book &book, const BookUpdate &update, Side bids, Side asks)
{
    const qint64 last = book.lastUpdateId;
    if (book.known && update.last_update_id <= last) {
        ++m_losses[Repeat];
        return false;
    }
    // What overlaps with the last update does no harm: quantities are absolute. A hole does.
    const bool continues = update.first_update_id <= last || update.first_update_id - 1 == last;
    if (!book.known || !continues) {
        book.known = false;
        ++m_losses[NoBook];
        return false;
    }
    book.levels.apply(bids, asks);
    book.lastUpdateId = update.last_update_id;
    if (std::max(book.levels.bids().size(), book.levels.asks().size()) > maxBookLevels) {
        book = {};
        refuse("book_too_large", QStringLiteral("more than %1 levels on one side").arg(maxBookLevels));
        return false;
    }
    return true;
}

bool WeightedAveragePrice::applyTo(Book &book, const BookSnapshot &snapshot, Side bids, Side asks)
{
    if (std::max(bids.size(), asks.size()) > maxBookLevels) {
        book = {};
        refuse("book_too_large",
               QStringLiteral("a snapshot of more than %1 levels on one side").arg(maxBookLevels));
        return false;
    }
    book.levels.replace(bids, asks);
    book.lastUpdateId = snapshot.last_update_id;
    book.known = true;
    return true;
}

void WeightedAveragePrice::refuse(const char *reason, const QString &detail)
{
    reject(reason, detail);
    m_dataLoss.add();
}

// Once a batch: one-sided messages are common, and counting one by one would cost more than computing a
// price.
void WeightedAveragePrice::countLosses()
{
    static constexpr std::array<const char *, LossCount> reasons{"one_sided", "zero_quantity", "no_book",
                                                                 "crossed", "repeat"};
    for (int loss = 0; loss < LossCount; ++loss) {
        const qsizetype records = std::exchange(m_losses[std::size_t(loss)], 0);
        if (records == 0)
            continue;
        drop(reasons[std::size_t(loss)], records);
        if (loss != Repeat)
            m_dataLoss.add(quint64(records));
    }
}

TIDEMILL_PLUGIN(WeightedAveragePrice, "wap.json")

#include "wap.moc"
