// SPDX-License-Identifier: Apache-2.0
#include "frame_decoder.h"
#include "test_binance.h"
#include "test_frames.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::sbe;

namespace {

const Timestamp received = Timestamp::fromSeconds(1760000001);
const QByteArray head =
    R"("exchange":"test","stream":"s","ts_recv":"2025-10-09T08:53:21Z","connection":1,"sequence":2,)";
const QByteArray tail = R"(,"provenance":"live"})";

tidemill::Frame facts()
{
    return {.exchange = "test"_sym, .stream = "s"_sym, .ts_recv = received, .connection = 1, .sequence = 2};
}

// What one frame became, a line a record.
struct Outcome
{
    Fault fault = Fault::None;
    FaultCounts faults{};
    QByteArray lines;
};

Outcome decodeAll(Decoder &decoder, const QList<QByteArray> &frames)
{
    Outcome outcome;
    for (const QByteArray &frame : frames) {
        if (const Fault fault = decoder.decode(facts(), frame, outcome.faults); fault != Fault::None)
            outcome.fault = fault;
    }
    QList<BatchPtr> batches;
    for (const BatchPtr &batch : decoder.finish())
        batches.append(batch);
    outcome.lines = testing::printed(batches);
    return outcome;
}

std::unique_ptr<Decoder> binanceDecoder(bool isQuick = true)
{
    auto schema = readSchema(binanceSchema(), QStringLiteral("binance_stream.xml"), loadFile);
    auto decoder = Decoder::create(*std::move(schema), {.mappings = binanceMappings(), .isQuick = isQuick});
    return decoder ? *std::move(decoder) : nullptr;
}

Result<std::unique_ptr<Decoder>> venueDecoder(const QVariantMap &records = {})
{
    auto schema = readSchema(ownData("venue.xml"));
    if (!schema)
        return schema.error();
    OptionErrors errors;
    Decoder::Options options{.mappings = parseMappings(Value::fromVariant(records), errors)};
    if (!errors.isEmpty())
        return Error{Error::Kind::Config, errors.first().toString()};
    return Decoder::create(*std::move(schema), options);
}

// moc takes a raw string that ends in a digit for something else.
QByteArray quoted(const char *text)
{
    return QByteArray(text).replace('\'', '"');
}

const QByteArray dealFields =
    "414243000000 0000 | 0000000000000064 | 00000005 | 000000000012D687 | 000003E8 FE | 42 | "
    "0201 | FFFF 0002 | 0003 | 000000000000";

} // namespace

class tst_SbeRecords : public QObject
{
    Q_OBJECT

private slots:
    void turnsBinanceFramesIntoRecords_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<QByteArray>("lines");
        const QByteArray btc = R"("exchange":"test","symbol":"BTCUSDT",)";
        const QByteArray times =
            R"("ts_event":"2025-10-09T08:53:20.123456Z","ts_recv":"2025-10-09T08:53:21Z",)";

        QTest::newRow("trades")
            << tradeFrame("BTCUSDT", {{5, 6123402000000, 317000, 1}, {6, 1, -9223372036854775807 - 1, 0}})
            << R"({"type":"trade",)" + btc + times +
                   R"("trade_id":5,"price":"61234.02000000","quantity":"0.00317000","side":"sell")" + tail +
                   '\n' + R"({"type":"trade",)" + btc + times +
                   R"("trade_id":6,"price":"0.00000001","quantity":"-92233720368.54775808","side":"buy")" +
                   tail + '\n';
        QTest::newRow("whole and large numbers")
            << tradeFrame("BTCUSDT", {{1, 5, 7, 1}}, 0, 3)
            << R"({"type":"trade",)" + btc + times +
                   R"("trade_id":1,"price":"5","quantity":"7000","side":"sell")" + tail + '\n';
        QTest::newRow("nobody knows who was the maker")
            << tradeFrame("BTCUSDT", {{1, 5, 7, 255}}, 0, 0)
            << R"({"type":"trade",)" + btc + times +
                   R"("trade_id":1,"price":"5","quantity":"7","side":"unknown")" + tail + '\n';
        QTest::newRow("no trades") << tradeFrame("BTCUSDT", {}) << QByteArray();
        QTest::newRow("spare bytes at the end")
            << tradeFrame("BTCUSDT", {{1, 5, 7, 0}}, 0, 0) + "xyz"
            << R"({"type":"trade",)" + btc + times +
                   R"("trade_id":1,"price":"5","quantity":"7","side":"buy")" + tail + '\n';
        QTest::newRow("quote") << quoteFrame("BTCUSDT")
                               << R"({"type":"quote",)" + btc + times +
                                      R"("update_id":77,"bid_price":"100.01","bid_quantity":"2.000",)" +
                                      R"("ask_price":"100.02","ask_quantity":"3.000")" + tail + '\n';
        QTest::newRow("snapshot")
            << snapshotFrame("BTCUSDT", 9, {{10001, 2}, {10000, 1}}, {{10002, 3}})
            << R"({"type":"book_snapshot",)" + btc + times +
                   R"("last_update_id":9,"depth":20,"bids":[["100.01","2"],["100.00","1"]],)" +
                   R"("asks":[["100.02","3"]])" + tail + '\n';
        QTest::newRow("changes") << depthFrame("BTCUSDT", 10, 12, {}, {{10002, 0}})
                                 << R"({"type":"book_update",)" + btc + times +
                                        R"("first_update_id":10,"last_update_id":12,"bids":[],)" +
                                        R"("asks":[["100.02","0"]])" + tail + '\n';
    }

    void turnsBinanceFramesIntoRecords()
    {
        QFETCH(QByteArray, frame);
        QFETCH(QByteArray, lines);
        const auto decoder = binanceDecoder();
        QVERIFY(decoder);

        const Outcome outcome = decodeAll(*decoder, {frame});

        QCOMPARE(faultWord(outcome.fault), "none");
        QCOMPARE(outcome.lines, lines);
    }

    void keepsTheOrderOfBookRecords()
    {
        const auto decoder = binanceDecoder();

        const Outcome outcome = decodeAll(
            *decoder, {depthFrame("A", 1, 1, {}, {}), snapshotFrame("A", 2, {}, {}), tradeFrame("A", {{7}}),
                       depthFrame("A", 3, 3, {}, {}), depthFrame("A", 4, 4, {}, {})});

        QByteArrayList types;
        for (const QByteArray &line : outcome.lines.trimmed().split('\n')) {
            if (!line.contains("trade"))
                types.append(line.mid(9, line.indexOf('"', 9) - 9));
        }
        QCOMPARE(types.join(' '), "book_update book_snapshot book_update book_update");
    }

    // A frame in whole, or nothing and a reason.
    void refusesEveryPieceOfAFrame_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::newRow("trades") << tradeFrame("BTCUSDT", {{1, 2, 3, 1}, {4, 5, 6, 0}});
        QTest::newRow("quote") << quoteFrame("BTCUSDT");
        QTest::newRow("snapshot") << snapshotFrame("BTCUSDT", 9, {{1, 2}}, {{3, 4}, {5, 6}});
        QTest::newRow("changes") << depthFrame("BTCUSDT", 1, 2, {{1, 2}}, {{3, 4}});
    }

    void refusesEveryPieceOfAFrame()
    {
        QFETCH(QByteArray, frame);
        const auto decoder = binanceDecoder();

        for (qsizetype size = 0; size < frame.size(); ++size) {
            // Its own memory, so that reading behind the end is seen.
            const QByteArray piece(frame.constData(), size);
            const Outcome outcome = decodeAll(*decoder, {piece});
            QVERIFY2(outcome.fault != Fault::None, qPrintable(QString::number(size)));
            QVERIFY(outcome.lines.isEmpty());
        }
    }

    void saysWhatIsWrong_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<QString>("fault");
        QTest::addColumn<QString>("rowFault");
        const auto header = [](quint16 block, quint16 id, quint16 schema) {
            return Packer().header(block, id, schema).bytes() + QByteArray(40, '\0');
        };
        const auto trade = [](quint16 entry, quint32 count) {
            Packer frame;
            frame.header(18, 10000).number(packedTime).number(packedTime).number(qint8(0)).number(qint8(0));
            frame.number(entry).number(count);
            return frame.bytes() + QByteArray(50, '\0');
        };

        QTest::newRow("empty") << QByteArray() << "short_header"
                               << "";
        QTest::newRow("another schema") << header(18, 10000, 9) << "foreign_schema"
                                        << "";
        QTest::newRow("unknown message") << header(18, 10099, 1) << "unknown_template"
                                         << "";
        QTest::newRow("block behind the end") << header(60000, 10000, 1) << "short_block"
                                              << "";
        QTest::newRow("two thousand million entries") << trade(25, 0x7FFFFFFF) << "short_group"
                                                      << "";
        QTest::newRow("of no bytes") << trade(0, 0x7FFFFFFF) << "empty_entries"
                                     << "";
        QTest::newRow("one of no bytes") << trade(0, 1) << "empty_entries"
                                         << "";
        QTest::newRow("entries without a price") << trade(8, 1) << "none"
                                                 << "bad_text"; // an empty symbol comes first
        QTest::newRow("no symbol") << tradeFrame("", {{1}}) << "none"
                                   << "bad_text";
        QTest::newRow("symbol not UTF-8") << tradeFrame("\xC3(", {{1}}) << "none"
                                          << "bad_text";
        QTest::newRow("time of the far future")
            << tradeFrame("A", {{1}}, 0, 0, std::numeric_limits<qint64>::max() - 1000) << "none"
            << "out_of_range";
        QTest::newRow("an exponent that no decimal has") << tradeFrame("A", {{1}}, -128) << "none"
                                                         << "out_of_range";
        QTest::newRow("another one") << tradeFrame("A", {{1}}, 0, 127) << "none"
                                     << "out_of_range";
        QByteArray shortEntry = tradeFrame("A", {{1, 2, 3, 1}});
        shortEntry[26] = 24; // the last field ends behind the entry; its byte is the symbol's length now: 'A'
        shortEntry[50] = 1;
        QTest::newRow("entry cut short") << shortEntry << "none"
                                         << "missing_field";
    }

    void saysWhatIsWrong()
    {
        QFETCH(QByteArray, frame);
        QFETCH(QString, fault);
        QFETCH(QString, rowFault);
        const auto decoder = binanceDecoder();

        const Outcome outcome = decodeAll(*decoder, {frame});

        QCOMPARE(QString::fromLatin1(faultWord(outcome.fault)), fault);
        QString found;
        for (std::size_t i = 1; i < outcome.faults.size(); ++i) {
            if (outcome.faults[i] != 0)
                found = QString::fromLatin1(faultWord(Fault(i)));
        }
        QCOMPARE(found, rowFault);
        QVERIFY(outcome.lines.isEmpty());
    }

    // Also: the short way and the long one agree on everything.
    void standsAnyByteInAnyPlace()
    {
        const auto quick = binanceDecoder(true);
        const auto slow = binanceDecoder(false);
        for (const QByteArray &good :
             {tradeFrame("BTCUSDT", {{1, 2, 3, 1}}), tradeFrame("A", {{1, 2, 3, 1}, {4, 5, 6, 0}}),
              quoteFrame("ETHUSDT"), depthFrame("A", 1, 2, {{1, 2}}, {{3, 4}})}) {
            for (qsizetype at = 0; at < good.size(); ++at) {
                for (const char value : {'\0', '\1', '\x7f', '\x80', '\xff'}) {
                    QByteArray frame(good.constData(), good.size());
                    frame[at] = value;
                    const Outcome outcome = decodeAll(*quick, {frame});
                    const Outcome same = decodeAll(*slow, {frame});
                    QCOMPARE(outcome.lines, same.lines);
                    QCOMPARE(faultWord(outcome.fault), faultWord(same.fault));
                    QCOMPARE(outcome.faults, same.faults);
                    const bool isCounted = outcome.fault != Fault::None || outcome.faults != FaultCounts{};
                    // No row and no reason: only if the group is empty now.
                    QVERIFY(!outcome.lines.isEmpty() || isCounted || at == 28);
                }
            }
        }
    }

    void makesRecordsOfAnySchema_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<QByteArray>("lines");
        QTest::newRow("all fields")
            << "0038 03 004D 07 0030" + dealFields
            << R"({"type":"sbe_deal",)" + head +
                   R"("ticker":"ABC","at":100,"number":5,"px":"123.4567","amount":"10.00",)" +
                   R"("aggressor":"Buyer","flags":"Auction,Late","spread":"[-1,2]","rank":"3")" + tail + '\n';
        QTest::newRow("a longer block, of a newer version")
            << "0038 09 004D 07 0034" + dealFields + "DEADBEEF"
            << R"({"type":"sbe_deal",)" + head +
                   R"("ticker":"ABC","at":100,"number":5,"px":"123.4567","amount":"10.00",)" +
                   R"("aggressor":"Buyer","flags":"Auction,Late","spread":"[-1,2]","rank":"3")" + tail + '\n';
        QTest::newRow("nulls, unknown codes, an older version")
            << QByteArray("0038 01 004D 07 0030 000000000000 0000 | FFFFFFFFFFFFFFFF | 00000000 | "
                          "7FFFFFFFFFFFFFFF | "
                          "FFFFFFFF FE | 51 | 8001 | 8000 7FFF | 0003 | 000000000000")
            << R"({"type":"sbe_deal",)" + head +
                   R"("ticker":"","at":18446744073709551615,"number":0,"px":null,"amount":null,)" +
                   R"("aggressor":"81","flags":"Auction,15","spread":"[-32768,32767]","rank":null)" + tail +
                   '\n';
        QTest::newRow("a short block")
            << QByteArray("001C 03 004D 07 0014 414243000000 0000 | 0000000000000064 | 00000005")
            << R"({"type":"sbe_deal",)" + head +
                   R"("ticker":"ABC","at":100,"number":5,"px":null,"amount":null,)" +
                   R"("aggressor":"","flags":"","spread":"","rank":null)" + tail + '\n';
        const QByteArray day = R"("day":2026,"source":"nys","seal":"vu8=")";
        const auto line = [](const QByteArray &type, const QByteArray &entry, const QByteArray &values) {
            return quoted("{'type':'sbe_deals_of_day") + type + quoted("',") + head +
                   (entry.isEmpty() ? QByteArray() : "\"entry\":" + entry + ',') + values + tail + '\n';
        };
        QTest::newRow("groups in groups")
            << QByteArray(
                   "0000 03 004D 08 0002 | 07EA | 0006 0000 02 | 414243000000 | 02 0D | "
                   "00003039 FE 3FF8000000000000 | FFFFFFFF 00 BFE0000000000000 | 0002 6869 | 58595A000000 | "
                   "00 0D | 0000 | 03 00 | 01 01 2A | 0003 6E7973 | 02 BEEF")
            << line("", "", day) + line("_tickers", "0", day + R"(,"ticker":"ABC","remark":"hi")") +
                   line("_tickers", "1", day + R"(,"ticker":"XYZ","remark":"")") +
                   line("_tickers_deals", "0",
                        day + quoted(
                                  ",'ticker':'ABC','remark':'hi','price':'123.45','scale':-2,'weight':1.5")) +
                   line("_tickers_deals", "1",
                        day + quoted(",'ticker':'ABC','remark':'hi','price':'-1','scale':0,'weight':-0.5")) +
                   line("_nothing", "0", day) + line("_nothing", "1", day) + line("_nothing", "2", day) +
                   line("_later", "0", day + quoted(",'value':42"));
        QTest::newRow("an older version has fewer groups and data")
            << QByteArray("0000 01 004D 08 0002 | 07EA | 0006 0000 00 | 00 00 | 0003 6E7973")
            << line("", "", R"("day":2026,"source":"nys","seal":"")");
    }

    void makesRecordsOfAnySchema()
    {
        QFETCH(QByteArray, frame);
        QFETCH(QByteArray, lines);
        const auto decoder = venueDecoder();
        TIDEMILL_VERIFY(decoder);

        const Outcome outcome = decodeAll(**decoder, {fromHex(frame)});

        QCOMPARE(faultWord(outcome.fault), "none");
        QCOMPARE(outcome.faults, FaultCounts{});
        QCOMPARE(outcome.lines, lines);
    }

    void refusesWhatNoVersionHas_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<QString>("fault");
        QTest::newRow("a message from before it was")
            << QByteArray("0000 00 004D 08 0002 07EA") << "old_version";
        QTest::newRow("a field that must be there")
            << QByteArray("0010 03 004D 07 0008 4142430000000000") << "missing_field";
        QTest::newRow("a million entries of nothing, 255 at a time")
            << "0000 03 004D 08 0002 | 07EA | 0000 0000 FF" + QByteArray("00000000").repeated(255)
            << "empty_entries";
    }

    void refusesWhatNoVersionHas()
    {
        QFETCH(QByteArray, frame);
        QFETCH(QString, fault);
        const auto decoder = venueDecoder();
        TIDEMILL_VERIFY(decoder);

        Outcome outcome = decodeAll(**decoder, {fromHex(frame)});

        if (outcome.fault == Fault::None)
            outcome.fault =
                outcome.faults[std::size_t(Fault::MissingField)] ? Fault::MissingField : Fault::None;
        if (fault == "empty_entries") // each has room for its dimensions, none for a ticker
            QVERIFY(outcome.fault != Fault::None);
        else
            QCOMPARE(QString::fromLatin1(faultWord(outcome.fault)), fault);
    }

    void mapsMessagesToRecords()
    {
        const QVariantMap deal{
            {"record", "trade"},
            {"fields",
             QVariantMap{{"symbol", "ticker"},
                         {"ts_event", QVariantMap{{"from", "at"}, {"unit", "s"}}},
                         {"trade_id", "number"},
                         {"price", "px"},
                         {"quantity", QVariantMap{{"from", "amount.mantissa"}, {"exponent", "-3"}}},
                         {"side", QVariantMap{{"from", "aggressor"},
                                              {"words", QVariantMap{{"buy", "Buyer"}, {"sell", "83"}}}}}}}};
        const auto decoder = venueDecoder({{"Deal", deal}});
        TIDEMILL_VERIFY(decoder);

        const Outcome outcome =
            decodeAll(**decoder,
                      {fromHex("0038 03 004D 07 0030" + dealFields),
                       fromHex("0038 03 004D 07 0030" + QByteArray(dealFields).replace("| 42 |", "| 53 |"))});

        const QByteArray values =
            R"({"type":"trade","exchange":"test","symbol":"ABC","ts_event":"1970-01-01T00:01:40Z",)"
            R"("ts_recv":"2025-10-09T08:53:21Z","trade_id":5,"price":"123.4567","quantity":"1.000",)";
        QCOMPARE(outcome.lines,
                 values + R"("side":"buy")" + tail + '\n' + values + R"("side":"sell")" + tail + '\n');
    }

    void refusesMappings_data()
    {
        QTest::addColumn<QString>("message");
        QTest::addColumn<QVariantMap>("mapping");
        QTest::addColumn<QString>("error");
        const QVariantMap fields{{"symbol", "ticker"}, {"trade_id", "number"}};
        const auto trade = [&fields](const QVariantMap &more) {
            QVariantMap all = fields;
            all.insert(more);
            return QVariantMap{{"record", "trade"}, {"fields", all}};
        };

        QTest::newRow("unknown message")
            << "Dael" << trade({}) << "records.Dael: the schema has no such message; did you mean 'Deal'?";
        QTest::newRow("unknown record") << "Deal" << QVariantMap{{"record", "trades"}, {"fields", fields}}
                                        << "records.Deal.record: expected one of trade, agg_trade, quote";
        QTest::newRow("unknown option")
            << "Deal" << QVariantMap{{"record", "trade"}, {"fields", fields}, {"row", "x"}}
            << "records.Deal.row: no such option";
        QTest::newRow("unknown field")
            << "Deal" << trade({{"prise", "px"}}) << "records.Deal.fields.prise: a trade has no such field";
        QTest::newRow("unknown path") << "Deal" << trade({{"price", "pxx"}})
                                      << "records.Deal.fields.price: no 'pxx' in Deal; did you mean 'px'?";
        QTest::newRow("unknown member")
            << "Deal" << trade({{"price", "px.mantisa"}}) << "no 'mantisa' in Deal; did you mean 'mantissa'?";
        QTest::newRow("key missing") << "Deal"
                                     << QVariantMap{{"record", "trade"},
                                                    {"fields", QVariantMap{{"symbol", "ticker"}}}}
                                     << "records.Deal.fields: expected 'trade_id' too";
        QTest::newRow("wrong type") << "Deal" << trade({{"price", "ticker"}})
                                    << "a field of type 'ticker' cannot become a decimal";
        QTest::newRow("no words") << "Deal" << trade({{"side", "aggressor"}})
                                  << "records.Deal.fields.side: expected 'words'";
        QTest::newRow("a word of another enum")
            << "Deal"
            << trade({{"side", QVariantMap{{"from", "aggressor"}, {"words", QVariantMap{{"up", "Buyer"}}}}}})
            << "records.Deal.fields.side.words: expected one of unknown, buy, sell, got 'up'";
        QTest::newRow("unit") << "Deal" << trade({{"ts_event", QVariantMap{{"from", "at"}, {"unit", "h"}}}})
                              << "records.Deal.fields.ts_event.unit: expected s, ms, us or ns, got 'h'";
        QTest::newRow("group without rows")
            << "DealsOfDay"
            << QVariantMap{{"record", "trade"},
                           {"fields", QVariantMap{{"symbol", "Tickers.ticker"}, {"trade_id", "day"}}}}
            << "'Tickers' is a group of DealsOfDay: name it in 'rows'";
    }

    void refusesMappings()
    {
        QFETCH(QString, message);
        QFETCH(QVariantMap, mapping);
        QFETCH(QString, error);

        const auto decoder = venueDecoder({{message, mapping}});

        QVERIFY(!decoder);
        QVERIFY2(decoder.error().message.contains(error), qPrintable(decoder.error().message));
    }

    // Made for a message that is sent and one that is known from its schema: every message of every venue.
    void makesRecordsOfVenuesMessages()
    {
        if (!QDir(sharedData()).exists())
            QSKIP("the recordings are not here");
        const QFileInfoList files = QDir(sharedData() + "/cases").entryInfoList({"*.json"}, QDir::Files);
        QCOMPARE(files.size(), 57);
        for (const QFileInfo &file : files) {
            const QJsonObject json = QJsonDocument::fromJson(readFile(file.filePath())).object();
            auto schema = readSchema(sharedData() + QLatin1Char('/') + json.value("schema").toString());
            TIDEMILL_VERIFY(schema);
            const auto decoder = Decoder::create(*std::move(schema), {});
            TIDEMILL_VERIFY(decoder);

            const Outcome outcome = decodeAll(
                **decoder, {readFile(file.path() + QLatin1Char('/') + file.completeBaseName() + ".bin")});

            QCOMPARE(faultWord(outcome.fault), "none");
            QVERIFY2(outcome.faults == FaultCounts{}, qPrintable(file.fileName()));
            qsizetype rows = 1;
            const QJsonObject body = json.value("body").toObject();
            for (const QJsonValue &value : body) // lists of objects are groups
                rows += value.isArray() && value.toArray().first().isObject() ? value.toArray().size() : 0;
            QCOMPARE(outcome.lines.count('\n'), rows);
        }
    }
};

QTEST_GUILESS_MAIN(tst_SbeRecords)

#include "tst_sbe_records.moc"
