// SPDX-License-Identifier: Apache-2.0
#include "frame_decoder.h"

#include "generic_records.h"

#include <algorithm>

namespace tidemill::sbe {

Result<std::unique_ptr<Decoder>> Decoder::create(MessageSchema schema, const Options &options)
{
    std::unique_ptr<Decoder> decoder(new Decoder(std::move(schema)));
    if (const auto added = decoder->addPlans(options); !added)
        return added.error();
    decoder->m_writer.prepare(options.isQuick);
    return decoder;
}

Result<> Decoder::addPlans(const Options &options)
{
    QStringList names;
    for (const Message &message : m_schema.messages) {
        names.append(QString::fromUtf8(message.name));
        m_plans.push_back({&message, {}});
    }
    for (const RecordMapping &mapping : options.mappings) {
        const auto index = names.indexOf(QString::fromUtf8(mapping.message));
        if (index >= 0) {
            const auto added = addRows(m_plans[std::size_t(index)], mapping);
            if (!added && !options.isLenient)
                return added;
        } else if (!options.isLenient) {
            const QString meant = nearestName(QString::fromUtf8(mapping.message), names);
            return Error{Error::Kind::Config,
                         QStringLiteral("%1: the schema has no such message%2")
                             .arg(mapping.path, meant.isEmpty()
                                                    ? QString()
                                                    : QStringLiteral("; did you mean '%1'?").arg(meant))};
        }
    }
    for (MessagePlan &plan : m_plans) {
        if (!plan.rows.empty() || options.unmapped == Unmapped::Drop)
            continue;
        const RecordMappings generic = genericMappings(*plan.message, options.prefix);
        for (const RecordMapping &mapping : generic) {
            if (const auto added = addRows(plan, mapping); !added)
                return added;
        }
    }
    return {};
}

Result<> Decoder::addRows(MessagePlan &plan, const RecordMapping &mapping)
{
    auto rows = compileRows(*plan.message, mapping);
    if (!rows)
        return rows.error();
    const auto known = std::find(m_records.begin(), m_records.end(), mapping.record);
    rows->builder = std::size_t(known - m_records.begin());
    if (known == m_records.end()) {
        const bool isOfBook =
            *mapping.record == schemaOf<BookUpdate>() || *mapping.record == schemaOf<BookSnapshot>();
        m_records.push_back(mapping.record);
        m_outputs.push_back({RowBuilder(*mapping.record), isOfBook});
    }
    plan.rows.push_back(*std::move(rows));
    return {};
}

Fault Decoder::decode(const tidemill::Frame &facts, QByteArrayView frame, FaultCounts &faults)
{
    return m_writer.write(facts, frame, faults,
                          [this](const RowPlan &plan) -> RowBuilder & { return builderOf(plan); });
}

// A snapshot must come after the changes before it and before the changes behind it.
void Decoder::keepOrder(const Output &next)
{
    if (!next.rows.isEmpty())
        return;
    for (Output &other : m_outputs) {
        if (other.isOfBook && &other != &next)
            finishOutput(other);
    }
}

void Decoder::finishOutput(Output &output)
{
    if (output.rows.isEmpty())
        return;
    if (m_parent)
        output.rows.continues(*m_parent);
    m_finished.push_back(output.rows.finish());
}

std::vector<BatchPtr> Decoder::finish()
{
    for (Output &output : m_outputs)
        finishOutput(output);
    return std::exchange(m_finished, {});
}

} // namespace tidemill::sbe
