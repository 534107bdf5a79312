// SPDX-License-Identifier: Apache-2.0
#include "state_file.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>

namespace tidemill::crossover {

namespace {

constexpr int fileVersion = 1;
constexpr qint64 maxFileBytes = 256 * 1024 * 1024;

QString textOf(const Decimal &number)
{
    return QString::fromLatin1(number.toString());
}

// Collects what is wrong while reading, so that each field needs no `if` of its own.
class Reader
{
public:
    qint64 integer(const QJsonValue &value)
    {
        constexpr qint64 missing = std::numeric_limits<qint64>::min();
        const qint64 number = value.toInteger(missing);
        m_ok = m_ok && number != missing;
        return number;
    }
    // Bounded, so that no difference of two of them is out of range.
    Timestamp time(const QJsonValue &value)
    {
        const qint64 ns = integer(value);
        m_ok = m_ok && ns >= 0;
        return {ns};
    }
    Decimal price(const QJsonValue &value)
    {
        const auto number = Decimal::parse(value.toString().toLatin1());
        m_ok = m_ok && number && MovingAverages::canTake(*number);
        return number.value_or(Decimal::null());
    }
    QByteArray name(const QJsonValue &value)
    {
        m_ok = m_ok && value.isString();
        return value.toString().toUtf8();
    }
    bool ok() const { return m_ok; }

private:
    bool m_ok = true;
};

QJsonObject toJson(const SavedMarket &market)
{
    QJsonArray prices;
    for (const MovingAverages::Price &price : market.prices)
        prices.append(QJsonArray{textOf(price.value), price.at.ns});
    QJsonObject object{{QStringLiteral("exchange"), QString::fromUtf8(market.exchange)},
                       {QStringLiteral("symbol"), QString::fromUtf8(market.symbol)},
                       {QStringLiteral("last_update_id"), market.lastUpdateId},
                       {QStringLiteral("prices"), prices}};
    if (market.order)
        object.insert(QStringLiteral("order"),
                      QJsonObject{{QStringLiteral("id"), market.order->id},
                                  {QStringLiteral("price"), textOf(market.order->price)},
                                  {QStringLiteral("opened"), market.order->opened.ns}});
    return object;
}

SavedMarket marketFrom(const QJsonObject &object, Reader &reader)
{
    SavedMarket market;
    market.exchange = reader.name(object[QLatin1String("exchange")]);
    market.symbol = reader.name(object[QLatin1String("symbol")]);
    market.lastUpdateId = reader.integer(object[QLatin1String("last_update_id")]);
    for (const QJsonValue &price : object[QLatin1String("prices")].toArray())
        market.prices.append({reader.price(price[0]), reader.time(price[1])});
    if (object.contains(QLatin1String("order"))) {
        const QJsonObject order = object[QLatin1String("order")].toObject();
        market.order =
            OpenOrder{reader.integer(order[QLatin1String("id")]), reader.price(order[QLatin1String("price")]),
                      reader.time(order[QLatin1String("opened")])};
    }
    return market;
}

Error storageError(const QString &path, const QString &message)
{
    return {Error::Kind::Storage, QStringLiteral("%1: %2").arg(path, message)};
}

} // namespace

Result<> writeState(const QString &path, const SavedState &state)
{
    QJsonArray markets;
    for (const SavedMarket &market : state.markets)
        markets.append(toJson(market));
    const QJsonObject object{{QStringLiteral("version"), fileVersion},
                             {QStringLiteral("short"), state.shortWindow},
                             {QStringLiteral("long"), state.longWindow},
                             {QStringLiteral("markets"), markets}};

    const QString folder = QFileInfo(path).absolutePath();
    if (!QDir().mkpath(folder))
        return storageError(folder, QStringLiteral("cannot make this folder"));
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) ||
        file.write(QJsonDocument(object).toJson(QJsonDocument::Compact)) < 0 || !file.commit())
        return storageError(path, file.errorString());
    return {};
}

Result<SavedState> readState(const QString &path)
{
    QFile file(path);
    if (!file.exists())
        return SavedState{};
    if (!file.open(QIODevice::ReadOnly))
        return storageError(path, file.errorString());
    if (file.size() > maxFileBytes)
        return storageError(path, QStringLiteral("has %1 bytes, more than any state").arg(file.size()));
    QJsonParseError parseError;
    const QJsonObject object = QJsonDocument::fromJson(file.readAll(), &parseError).object();
    if (parseError.error != QJsonParseError::NoError)
        return storageError(path, QStringLiteral("no JSON: %1").arg(parseError.errorString()));
    if (const QJsonValue version = object[QLatin1String("version")]; version.toInteger() != fileVersion)
        return storageError(path, QStringLiteral("expected version %1, got '%2'")
                                      .arg(QString::number(fileVersion), version.toVariant().toString()));

    Reader reader;
    SavedState state;
    state.shortWindow = object[QLatin1String("short")].toInt();
    state.longWindow = object[QLatin1String("long")].toInt();
    for (const QJsonValue &market : object[QLatin1String("markets")].toArray())
        state.markets.append(marketFrom(market.toObject(), reader));
    if (!reader.ok())
        return storageError(path, QStringLiteral("a market with a missing or impossible value"));
    return state;
}

} // namespace tidemill::crossover
