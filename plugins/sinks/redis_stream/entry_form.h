// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "value_text.h"

#include <tidemill/batch.h>
#include <tidemill/redis/entry_mapping.h>
#include <tidemill/redis/reply.h>
#include <tidemill/redis/resp_writer.h>
#include <tidemill/text_template.h>

#include <array>
#include <optional>
#include <vector>

namespace tidemill::redis_stream {

using redis::EntryMappings;
using redis::FieldMapping;
using redis::TypeMapping;

// How records of one type become entries: the XADD command around them, their fields, the stream they go to,
// and what tells one of them from another. Used for every record, so it appends bytes and makes no strings.
class EntryForm
{
public:
    static constexpr std::size_t maxKeyFields = 6;
    // Of the key's fields, enough to know the stream by.
    using KeyIds = std::array<quint32, maxKeyFields>;

    // What is wrong goes into `errors`; the form is of use only if nothing was.
    // `identifies`: records must be told from one another. `moreWords`: of the command, besides its name and
    // the fields.
    static EntryForm make(const Schema &schema, const EntryMappings &mappings, bool identifies,
                          qsizetype moreWords, OptionErrors &errors);

    const Schema &schema() const { return *m_schema; }
    bool isStored() const { return m_isStored; }
    // How each command begins: the number of its words, and XADD.
    const QByteArray &commandHead() const { return m_commandHead; }

    KeyIds keyIds(const Batch &batch, qsizetype row) const;
    // The only field of the key, if it is a symbol: then that is enough to know the stream by.
    const Field *keySymbol() const
    {
        return m_keyFields.size() == 1 && m_keyFields[0]->type == FieldType::Symbol ? m_keyFields[0]
                                                                                    : nullptr;
    }
    QByteArray key(const Batch &batch, qsizetype row) const;

    // All names and values in RESP; a missing value is an empty text. Returns the record's identity.
    quint64 appendFields(redis::RespWriter &out, const Batch &batch, qsizetype row);
    quint64 identityOf(const Batch &batch, qsizetype row);
    // The identity of an entry as Redis has it: its list of names and values. Nothing if it is not of this
    // form.
    std::optional<quint64> identityOf(const redis::Reply &namesAndValues) const;

    // "1700000000123-42": of the event's time and the number in the record's key. Nothing for a record
    // without them.
    std::optional<QByteArray> explicitId(const Batch &batch, qsizetype row) const;
    // An error if records of this type have no number in their key.
    Result<> checkExplicitId() const;

private:
    struct Column
    {
        FieldMapping::Form form = FieldMapping::Form::Plain;
        FieldType type = FieldType::Text;
        bool isIdentity = false;
        quint32 offset = 0;
        const Field *field = nullptr;
        QByteArray name;
        QByteArray head;   // the name in RESP
        Symbol lastSymbol; // of an identity: what was hashed last
        quint64 lastHash = 0;
        TextTemplate text;
    };

    void makeKey(const EntryMappings &mappings, OptionErrors &errors);
    void addColumn(const FieldMapping &mapping, OptionErrors &errors);
    void addSchemaColumns();
    void markIdentity(const TypeMapping &type, OptionErrors &errors);
    void formatValue(const Column &column, const Batch &batch, qsizetype row);
    void formatTime(FieldMapping::Form form, Timestamp time);
    void formatNaive(Timestamp time);

    const Schema *m_schema = nullptr;
    bool m_isStored = true;
    quint64 m_identityBase = 0; // records of two types are never the same one
    QByteArray m_commandHead;
    TextTemplate m_key;
    std::vector<const Field *> m_keyFields;
    std::vector<Column> m_columns;
    const Field *m_sequence = nullptr; // for explicit ids
    const Field *m_time = nullptr;
    ValueText m_value;
    QByteArray m_scratch;
    qint64 m_formattedSecond = -1;
    QByteArray m_secondText; // of it
};

} // namespace tidemill::redis_stream
