// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entry_id.h"

#include <tidemill/batch.h>
#include <tidemill/redis/entry_mapping.h>
#include <tidemill/redis/reply.h>

#include <QTimeZone>

#include <vector>

namespace tidemill::redis_stream {

using redis::EntryMappings;
using redis::FieldMapping;
using redis::TypeMapping;

// Entries back into records of one type, by the mapping that the sink of the same name writes them with.
//
// A mapping may hold one time in several values, such as trades do by default. Then the finest one counts,
// but a text without a zone only as far as the others agree with it: who wrote it may have had another zone
// in mind.
class EntryReader
{
public:
    struct Fault
    {
        const char *reason; // for Node::reject()
        QString detail;
    };

    EntryReader() = default;
    // What is wrong goes into `errors`; the reader is of use only if nothing was.
    static EntryReader make(const Schema &schema, const TypeMapping &mapping, const QTimeZone &zone,
                            OptionErrors &errors);

    const Schema &schema() const { return *m_schema; }
    // Appends the entry's record, or nothing if it has a fault. What an entry does not say: ts_recv is when
    // Redis took it, by its id; what may be missing is.
    std::optional<Fault> append(UntypedBatchBuilder &builder, EntryId id, const redis::Reply &namesAndValues);

private:
    struct Column
    {
        QByteArray name;
        FieldMapping::Form form = FieldMapping::Form::Plain;
        int field = 0; // of the schema
    };

    void addColumn(const FieldMapping &mapping, OptionErrors &errors);
    void orderTimes();
    void checkKey(const TypeMapping &type, OptionErrors &errors) const;
    QByteArrayView valueOf(std::size_t column, const redis::Reply &namesAndValues, bool &isThere) const;
    Fault badValue(const Column &column, QByteArrayView value) const;
    bool readColumn(const Column &column, QByteArrayView value);
    bool readTimeColumn(const Column &column, QByteArrayView value);
    std::optional<Fault> fillMissing(EntryId id);
    void store(UntypedBatchBuilder &builder);
    const Field &fieldAt(int index) const { return m_schema->fields()[std::size_t(index)]; }

    struct Content // of a field that lies in the batch's heap
    {
        int field;
        QByteArray bytes;
        std::vector<Level> levels;
    };

    const Schema *m_schema = nullptr;
    QTimeZone m_zone;
    bool m_isSchema = false; // fields that are null may be left out
    std::vector<Column> m_columns;
    std::vector<bool> m_mayBeNull; // by field
    std::vector<bool> m_isMapped;
    // Of the entry that is being read:
    std::vector<bool> m_isRead;
    std::vector<std::byte> m_row;
    std::vector<Content> m_contents;
};

} // namespace tidemill::redis_stream
