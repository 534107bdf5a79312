// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "row_writer.h"
#include "schema_reader.h"

namespace tidemill::sbe {

// What becomes of messages that no mapping names.
enum class Unmapped : quint8 { Rows, Drop };

// A schema with everything made ready to turn its frames into batches. Not a QObject, and knows no pipeline:
// tests, benchmarks and fuzzers use it as it is. One thread.
class Decoder
{
public:
    struct Options
    {
        RecordMappings mappings{};
        // Mappings that do not fit the schema are left out instead of being an error.
        bool isLenient = false;
        Unmapped unmapped = Unmapped::Rows;
        QByteArray prefix = "sbe";
        // Take the short way where there is one. For tests: the long one makes the same records.
        bool isQuick = true;
    };

    static Result<std::unique_ptr<Decoder>> create(MessageSchema schema, const Options &options);

    // Frames of a batch belong to it, and so do the records made of them.
    void begin(const BatchPtr &parent) { m_parent = parent.get(); }
    // One frame; records of it are in `faults` if they could not be used. None: also for what is not wanted,
    // see isUnwanted().
    Fault decode(const tidemill::Frame &facts, QByteArrayView frame, FaultCounts &faults);
    // The frame decoded last was of a message that is to be dropped.
    bool isUnwanted() const { return m_writer.plan() && m_writer.plan()->rows.empty(); }
    // What came of all frames since begin(), one batch a record type; several where the order of book
    // snapshots and book updates would be lost otherwise.
    std::vector<BatchPtr> finish();

    const MessageSchema &schema() const { return m_schema; }
    const std::vector<MessagePlan> &plans() const { return m_plans; }

private:
    struct Output
    {
        RowBuilder rows;
        bool isOfBook = false; // its place among the others of this kind matters
    };

    explicit Decoder(MessageSchema schema) : m_schema(std::move(schema)) {}
    Result<> addPlans(const Options &options);
    Result<> addRows(MessagePlan &plan, const RecordMapping &mapping);
    RowBuilder &builderOf(const RowPlan &plan)
    {
        Output &output = m_outputs[plan.builder];
        if (output.isOfBook)
            keepOrder(output);
        return output.rows;
    }
    void keepOrder(const Output &next);
    void finishOutput(Output &output);

    MessageSchema m_schema;
    std::vector<MessagePlan> m_plans;
    std::vector<Output> m_outputs;
    std::vector<const Schema *> m_records; // of m_outputs
    RowWriter m_writer{m_schema, m_plans}; // made ready when the plans are
    const Batch *m_parent = nullptr;
    std::vector<BatchPtr> m_finished;
};

} // namespace tidemill::sbe
