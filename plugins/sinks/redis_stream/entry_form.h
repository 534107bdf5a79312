// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "known_entries.h"
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
    Identity appendFields(redis::RespWriter &out, const Batch &batch, qsizetype row);
    Identity identityOf(const Batch &batch, qsizetype row);
    // The identity of an entry as Redis has it: its list of names and values. Nothing if it is not of this
    // form.
    std::optional<Identity> identityOf(const redis::Reply &namesAndValues) const;

    // Of the event; null for records without.
    Timestamp timeOf(const Batch &batch, qsizetype row) const
    {
        return m_time ? batch.value<Timestamp>(row, *m_time) : Timestamp();
    }

    // "1700000000123-42": of the event's time and the number in the record's key. Nothing for a record
    // without them.
    std::optional<QByteArray> explicitId(const Batch &batch, qsizetype row) const;
    // An error if records of this type have no number in their key.
    Result<> checkExplicitId() const;

private:
    struct SymbolWords // of a column, for one symbol
    {
        QByteArray words; // name and value in RESP; null: not made yet
        quint64 hash = 0;
    };
    struct Column
    {
        FieldMapping::Form form = FieldMapping::Form::Plain;
        FieldType type = FieldType::Text;
        bool isIdentity = false;
        quint32 offset = 0;
        const Field *field = nullptr;
        QByteArray name;
        QByteArray head;                  // the name in RESP
        std::vector<SymbolWords> symbols; // by their numbers
        TextTemplate text;
    };

    void makeKey(const EntryMappings &mappings, OptionErrors &errors);
    void addColumn(const FieldMapping &mapping, OptionErrors &errors);
    void addSchemaColumns();
    void markIdentity(const TypeMapping &type, OptionErrors &errors);
    static const SymbolWords &wordsOf(Column &column, std::size_t index, Symbol symbol);
    qint64 sequenceOf(const Batch &batch, qsizetype row) const;
    QByteArrayView appendValue(redis::RespWriter &out, const Column &column, const Batch &batch,
                               qsizetype row);
    QByteArrayView appendTime(redis::RespWriter &out, FieldMapping::Form form, Timestamp time);
    QByteArrayView appendNaive(redis::RespWriter &out, Timestamp time, QByteArrayView zone);

    const Schema *m_schema = nullptr;
    bool m_isStored = true;
    quint64 m_identityBase = 0; // records of two types are never the same one
    QByteArray m_commandHead;
    TextTemplate m_key;
    std::vector<const Field *> m_keyFields;
    std::vector<Column> m_columns;
    const Field *m_sequence = nullptr;              // the number in the key
    std::size_t m_sequenceColumn = std::size_t(-1); // that has it, of those that are the identity
    const Field *m_time = nullptr;
    QByteArray m_text; // what is no number, while it is printed
    QByteArray m_scratch;
    qint64 m_formattedSecond = std::numeric_limits<qint64>::min();
    char m_secondText[19] = {}; // of it
};

} // namespace tidemill::redis_stream
