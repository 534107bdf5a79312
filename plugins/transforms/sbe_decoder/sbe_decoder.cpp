// SPDX-License-Identifier: Apache-2.0
#include "frame_decoder.h"
#include "generic_records.h"

#include <tidemill/plugin.h>

#include <QFileInfo>

using namespace tidemill;

// Takes frames apart that are encoded by an SBE schema: market data records from those that are mapped,
// records as the schema has them from all others.
class SbeDecoder final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("schema", m_schema,
                   "SBE schema (XML); relative to the pipeline file. Without one: Binance's market streams.")
                .example("schemas/venue.xml"),
            Option("records", m_records,
                   "What messages become: for each message the record type and where its fields come from. "
                   "Without it: Binance's market streams are known, all else is as `unmapped` says."),
            Option("unmapped", m_unmapped,
                   "What becomes of messages that `records` does not name: `rows`, records as the schema has "
                   "them, "
                   "or `drop`.",
                   {QStringLiteral("rows"), QStringLiteral("drop")}),
            Option("prefix", m_prefix,
                   "First part of the names of record types that are made from the schema.")
                .notEmpty(),
        };
    }

    OptionErrors validate() override
    {
        OptionErrors errors;
        m_mappings = sbe::parseMappings(m_records, errors);
        return errors;
    }

    Result<> start() override
    {
        auto schema = readSchema();
        if (!schema)
            return schema.error();
        sbe::Decoder::Options options{
            .mappings = m_mappings, .unmapped = m_unmapped, .prefix = sbe::snakeCase(m_prefix.toUtf8())};
        if (m_records.isNull()) {
            // Whoever names a schema of another exchange has none of these messages, or not with these
            // fields.
            options.mappings = sbe::binanceMappings();
            options.isLenient = true;
        }
        auto decoder = sbe::Decoder::create(*std::move(schema), options);
        if (!decoder)
            return decoder.error();
        m_decoder = *std::move(decoder);
        return {};
    }

protected:
    void process(const BatchPtr &batch) override
    {
        if (!batch->is<Frame>())
            return emit emitted(batch);
        qsizetype texts = 0;
        qsizetype unwanted = 0;
        m_decoder->begin(batch);
        for (const Frame &frame : batch->rows<Frame>()) {
            if (frame.text) { // replies and notices beside the data
                ++texts;
                continue;
            }
            unwanted += decode(frame, batch->bytes(frame.payload)) ? 0 : 1;
        }
        if (texts != 0)
            drop("text_frame", texts);
        if (unwanted != 0)
            drop("unmapped", unwanted);
        for (const BatchPtr &records : m_decoder->finish())
            emit emitted(records);
    }

private:
    Result<sbe::MessageSchema> readSchema() const
    {
        if (m_schema.isEmpty())
            return sbe::readSchema(sbe::binanceSchema(), QStringLiteral("binance_stream.xml"), sbe::loadFile);
        const bool isBeside = QFileInfo(m_schema).isRelative() && !context().baseDirectory.isEmpty();
        return sbe::readSchema(isBeside ? context().baseDirectory + QLatin1Char('/') + m_schema : m_schema);
    }

    // False for a message that nobody wants. One that is broken is counted.
    bool decode(const Frame &frame, QByteArrayView bytes)
    {
        sbe::FaultCounts faults{};
        const sbe::Fault whole = m_decoder->decode(frame, bytes, faults);
        if (whole == sbe::Fault::None && m_decoder->isUnwanted())
            return false;
        if (whole != sbe::Fault::None)
            ++faults[std::size_t(whole)];
        for (std::size_t i = 1; i < faults.size(); ++i) {
            if (faults[i] == 0)
                continue;
            const auto fault = sbe::Fault(i);
            reject(sbe::faultWord(fault), QStringLiteral("%1 (frame of %2 bytes, connection %3, sequence %4)")
                                              .arg(sbe::faultText(fault))
                                              .arg(bytes.size())
                                              .arg(frame.connection)
                                              .arg(frame.sequence));
            drop(sbe::faultWord(fault), qsizetype(faults[i]));
        }
        return true;
    }

    QString m_schema;
    Value m_records;
    sbe::Unmapped m_unmapped = sbe::Unmapped::Rows;
    QString m_prefix = QStringLiteral("sbe");
    sbe::RecordMappings m_mappings;
    std::unique_ptr<sbe::Decoder> m_decoder; // from start() on
};

TIDEMILL_PLUGIN(SbeDecoder, "sbe_decoder.json")

#include "sbe_decoder.moc"
