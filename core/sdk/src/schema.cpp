// SPDX-License-Identifier: Apache-2.0
#include <tidemill/schema.h>

#include <QByteArray>

#include <cctype>

namespace tidemill {

namespace {

QByteArray snakeCase(std::string_view typeName)
{
    QByteArray name;
    for (const char c : typeName) {
        if (std::isupper(static_cast<unsigned char>(c)) && !name.isEmpty())
            name.append('_');
        name.append(char(std::tolower(static_cast<unsigned char>(c))));
    }
    return name;
}

class Fingerprint
{
public:
    void add(const void *data, std::size_t size)
    {
        for (std::size_t i = 0; i < size; ++i)
            m_hash = (m_hash ^ static_cast<const quint8 *>(data)[i]) * 1099511628211ULL; // FNV-1a
    }
    void add(quint64 number) { add(&number, sizeof number); }
    void add(std::string_view text)
    {
        add(quint64(text.size()));
        add(text.data(), text.size());
    }
    quint64 value() const { return m_hash; }

private:
    quint64 m_hash = 14695981039346656037ULL;
};

} // namespace

std::string_view fieldTypeName(FieldType type)
{
    static constexpr std::string_view names[] = {"int64",   "uint64",    "double", "bool",
                                                 "decimal", "timestamp", "symbol", "text",
                                                 "bytes",   "levels",    "enum"};
    return names[std::size_t(type)];
}

Schema::Schema(std::string_view typeName, int version, RecordKind kind, quint32 rowSize,
               std::vector<Field> fields, std::span<const std::string_view> keyNames)
    : m_name(snakeCase(typeName))
    , m_version(version)
    , m_kind(kind)
    , m_rowSize(rowSize)
    , m_fields(std::move(fields))
{
    Fingerprint fingerprint;
    fingerprint.add(std::string_view(m_name.constData(), std::size_t(m_name.size())));
    fingerprint.add(quint64(version));
    fingerprint.add(quint64(kind));
    fingerprint.add(rowSize);
    for (const Field &field : m_fields) {
        fingerprint.add(field.name);
        fingerprint.add(quint64(field.type));
        fingerprint.add(field.offset);
        for (const std::string_view name : field.enumNames)
            fingerprint.add(name);
    }
    for (const std::string_view keyName : keyNames) {
        const int index = indexOf(QByteArrayView(keyName.data(), qsizetype(keyName.size())));
        Q_ASSERT_X(index >= 0, "TIDEMILL_RECORD", "a key must be one of the fields");
        m_key.push_back(index);
        fingerprint.add(quint64(index));
    }
    m_fingerprint = fingerprint.value();
}

int Schema::indexOf(QByteArrayView fieldName) const
{
    for (std::size_t i = 0; i < m_fields.size(); ++i) {
        const std::string_view name = m_fields[i].name;
        if (QByteArrayView(name.data(), qsizetype(name.size())) == fieldName)
            return int(i);
    }
    return -1;
}

} // namespace tidemill
