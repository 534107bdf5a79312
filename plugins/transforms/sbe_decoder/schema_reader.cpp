// SPDX-License-Identifier: Apache-2.0
#include "schema_reader.h"

#include "type_reader.h"

#include <algorithm>

namespace tidemill::sbe {

namespace {

constexpr quint64 maxId = 0xFFFFFFFF;
constexpr quint32 maxBlockLength = 65'535;
// Scalars of all messages together, those around a group counted for the group again: its records repeat
// them.
constexpr quint64 maxLeaves = 100'000;
// What an index of 31 bits can hold: a count without this bound is a mistake in the schema.
constexpr quint64 maxEntries = 2'147'483'647;

class SchemaReader
{
public:
    explicit SchemaReader(const XmlElement &root) : m_root(root) {}

    Result<MessageSchema> read();

private:
    void readHeader();
    void readMessage(const XmlElement &element);
    Block readBlock(const XmlElement &element);
    Field readField(const XmlElement &element, QSet<QByteArray> &names, quint32 &end);
    Group readGroup(const XmlElement &element, QSet<QByteArray> &names);
    Data readData(const XmlElement &element, QSet<QByteArray> &names);
    Counter readCounter(const XmlElement &user, const Type &composite, const char *name);
    TypePtr compositeOf(const XmlElement &user, const char *attribute, const QString &fallback);

    const XmlElement &m_root;
    Problems m_problems;
    MessageSchema m_schema;
    std::unique_ptr<TypeReader> m_types; // from when the schema's version is known
    quint64 m_leaves = 0;
    quint64 m_leavesAround = 0; // in the blocks around the one being read, of this message
};

Result<MessageSchema> SchemaReader::read()
{
    if (m_root.name != QLatin1String("messageSchema"))
        return errorAt(m_root, QStringLiteral("expected <messageSchema>, got <%1>").arg(m_root.name));
    m_problems.checkAttributes(m_root);
    m_schema.package = m_root.value("package").toUtf8();
    m_schema.id = m_problems.requiredNumber(m_root, "id", maxId);
    m_schema.version = int(m_problems.number(m_root, "version", 0, 65'535));
    const QString order = m_root.value("byteOrder");
    m_schema.isBigEndian = order == QLatin1String("bigEndian");
    if (!order.isEmpty() && !m_schema.isBigEndian && order != QLatin1String("littleEndian"))
        m_problems.add(m_root,
                       QStringLiteral("byteOrder: expected littleEndian or bigEndian, got '%1'").arg(order));

    m_types = std::make_unique<TypeReader>(m_root, m_schema.version, m_problems);
    m_types->readAll();
    readHeader();
    for (const XmlElement &element : m_root.children) {
        if (element.name == QLatin1String("message"))
            readMessage(element);
        else if (element.name != QLatin1String("types"))
            m_problems.add(element,
                           QStringLiteral("expected <types>, <message> or an include of types, got %1")
                               .arg(element.description()));
    }
    if (!m_problems.isEmpty())
        return m_problems.toError();
    return std::move(m_schema);
}

// A composite that frames are taken apart by.
TypePtr SchemaReader::compositeOf(const XmlElement &user, const char *attribute, const QString &fallback)
{
    const QString *name = user.find(attribute);
    const TypePtr type = m_types->type(name ? *name : fallback, user);
    if (!type || type->kind == Type::Kind::Composite)
        return type;
    m_problems.add(user, QStringLiteral("%1: expected a composite, got '%2'")
                             .arg(QLatin1String(attribute), QString::fromUtf8(type->name)));
    return nullptr;
}

Counter SchemaReader::readCounter(const XmlElement &user, const Type &composite, const char *name)
{
    const Member *member = composite.findMember(name);
    const bool isInteger = member && member->type->kind == Type::Kind::Plain && member->type->length == 1 &&
                           (isUnsigned(member->type->primitive) || isSigned(member->type->primitive));
    if (!isInteger) {
        // Where the composite is, if it is in the schema: that is what has to be mended.
        const XmlElement *definition = m_types->definition(QString::fromUtf8(composite.name));
        m_problems.add(definition ? *definition : user,
                       QStringLiteral("expected an integer named '%1' in the composite '%2'")
                           .arg(QLatin1String(name), QString::fromUtf8(composite.name)));
        return {};
    }
    const Type &type = *member->type;
    return {member->offset, type.primitive, type.presence == Presence::Constant, type.constantBits};
}

void SchemaReader::readHeader()
{
    const TypePtr header = compositeOf(m_root, "headerType", QStringLiteral("messageHeader"));
    if (!header)
        return;
    m_schema.headerSize = header->size;
    m_schema.blockLength = readCounter(m_root, *header, "blockLength");
    m_schema.templateId = readCounter(m_root, *header, "templateId");
    m_schema.schemaId = readCounter(m_root, *header, "schemaId");
    m_schema.headerVersion = readCounter(m_root, *header, "version");
}

void SchemaReader::readMessage(const XmlElement &element)
{
    m_problems.checkAttributes(element);
    Message message;
    message.name = m_problems.name(element);
    message.id = m_problems.requiredNumber(element, "id", maxId);
    message.since = m_problems.since(element, m_schema.version);
    for (const Message &other : m_schema.messages) {
        if (other.id == message.id || other.name == message.name)
            m_problems.add(element, QStringLiteral("the message '%1' has this id or name already, %2")
                                        .arg(QString::fromUtf8(other.name))
                                        .arg(other.id));
    }
    m_leavesAround = 0;
    message.block = readBlock(element);
    if (m_leaves > maxLeaves) {
        m_problems.add(element, QStringLiteral("expected at most %1 fields in all messages").arg(maxLeaves));
        m_leaves = 0; // said once
    }
    m_schema.messages.push_back(std::move(message));
}

Block SchemaReader::readBlock(const XmlElement &element)
{
    Block block;
    QSet<QByteArray> names;
    quint32 end = 0;
    for (const XmlElement &child : element.children) {
        m_problems.checkAttributes(child);
        const bool isField = child.name == QLatin1String("field");
        const bool isGroup = child.name == QLatin1String("group");
        if ((isField && (!block.groups.empty() || !block.data.empty())) || (isGroup && !block.data.empty()))
            m_problems.add(
                child,
                QStringLiteral("%1: expected fields first, then groups, then data").arg(child.description()));
        if (isField)
            block.fields.push_back(readField(child, names, end));
        else if (isGroup)
            block.groups.push_back(readGroup(child, names));
        else if (child.name == QLatin1String("data"))
            block.data.push_back(readData(child, names));
        else
            m_problems.add(
                child,
                QStringLiteral("expected <field>, <group> or <data>, got %1").arg(child.description()));
    }
    block.length = quint32(m_problems.number(element, "blockLength", end, maxBlockLength));
    if (block.length < end)
        m_problems.add(element,
                       QStringLiteral("blockLength: expected at least the %1 bytes of the fields, got %2")
                           .arg(end)
                           .arg(block.length));
    return block;
}

Field SchemaReader::readField(const XmlElement &element, QSet<QByteArray> &names, quint32 &end)
{
    Field field;
    field.name = m_problems.newName(element, names);
    field.since = m_problems.since(element, m_schema.version);
    field.timeUnit = element.value("timeUnit").toUtf8();
    field.semanticType = element.value("semanticType").toUtf8();
    field.type = m_types->typeOfField(element);
    if (!field.type) {
        field.type =
            std::make_shared<const Type>(); // the schema is refused, but the rest wants to be checked
        return field;
    }
    m_leaves += field.type->leaves;
    m_leavesAround += field.type->leaves;
    field.since = std::max(field.since, field.type->since);
    const bool isConstant = field.type->presence == Presence::Constant;
    field.offset = quint32(m_problems.number(element, "offset", end, maxBlockLength));
    if (!isConstant && field.offset < end)
        m_problems.add(element,
                       QStringLiteral("offset: expected at least %1, where the field before ends, got %2")
                           .arg(end)
                           .arg(field.offset));
    if (!isConstant)
        end = std::max(end, field.offset + field.type->size);
    if (end > maxBlockLength)
        m_problems.add(element, QStringLiteral("expected fields of at most %1 bytes").arg(maxBlockLength));
    if (const QString *exponent = element.findForeign("exponent"))
        field.exponentField = exponent->toUtf8();
    return field;
}

Group SchemaReader::readGroup(const XmlElement &element, QSet<QByteArray> &names)
{
    Group group;
    group.name = m_problems.newName(element, names);
    group.since = m_problems.since(element, m_schema.version);
    if (const TypePtr type = compositeOf(element, "dimensionType", QStringLiteral("groupSizeEncoding"))) {
        group.headerSize = type->size;
        group.since = std::max(group.since, type->since);
        group.blockLength = readCounter(element, *type, "blockLength");
        group.count = readCounter(element, *type, "numInGroup");
        const Member *count = type->findMember("numInGroup");
        if (count && isUnsigned(count->type->primitive) && count->type->maximum > maxEntries)
            m_problems.add(element,
                           QStringLiteral("expected a numInGroup whose maxValue is at most %1 in the "
                                          "composite '%2'")
                               .arg(maxEntries)
                               .arg(QString::fromUtf8(type->name)));
    }
    const quint64 around = m_leavesAround;
    m_leaves += around;
    group.block = readBlock(element);
    m_leavesAround = around;
    return group;
}

Data SchemaReader::readData(const XmlElement &element, QSet<QByteArray> &names)
{
    Data data;
    data.name = m_problems.newName(element, names);
    data.since = m_problems.since(element, m_schema.version);
    const TypePtr type = compositeOf(element, "type", QString());
    if (!type)
        return data;
    data.since = std::max(data.since, type->since);
    data.length = readCounter(element, *type, "length");
    const Member *bytes = type->findMember("varData");
    if (!bytes || bytes->type->kind != Type::Kind::Plain || sizeOf(bytes->type->primitive) != 1 ||
        type->members.size() != 2 || bytes->offset < data.length.offset + sizeOf(data.length.primitive)) {
        m_problems.add(element,
                       QStringLiteral("type: expected a composite of 'length' and, behind it, 'varData' "
                                      "of char or uint8, got '%1'")
                           .arg(QString::fromUtf8(type->name)));
        return data;
    }
    data.headerSize = bytes->offset; // of old, varData is one byte long by mistake: it is not counted
    data.isText = !bytes->type->encoding.isEmpty();
    return data;
}

} // namespace

Result<MessageSchema> readSchema(const QByteArray &document, const QString &file, const LoadFile &load)
{
    const auto root = readXml(document, file, load);
    if (!root)
        return root.error();
    return SchemaReader(*root).read();
}

Result<MessageSchema> readSchema(const QString &path)
{
    const auto document = loadFile(path);
    if (!document)
        return document.error();
    return readSchema(*document, path, loadFile);
}

} // namespace tidemill::sbe
