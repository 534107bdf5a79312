// SPDX-License-Identifier: Apache-2.0
#include "row_compilation.h"

#include <tidemill/record.h>

#include <algorithm>
#include <cmath>

namespace tidemill::sbe {

namespace {

quint16 widthOf(FieldType type)
{
    switch (type) {
    case FieldType::Bool:
    case FieldType::Enum:
        return 1;
    case FieldType::Symbol:
        return sizeof(Symbol);
    case FieldType::Decimal:
        return sizeof(Decimal);
    default:
        return 8;
    }
}

} // namespace

Result<RowPlan> RowCompiler::compile()
{
    const auto blocks = findBlocks(m_message, m_mapping.rows);
    if (!blocks)
        return configError(QStringLiteral("%1.rows: %2").arg(m_mapping.path, blocks.error().message));
    m_blocks = *blocks;
    const Block *above = nullptr;
    for (std::size_t i = 0; i < m_blocks.blocks.size(); ++i) {
        LevelPlan level;
        level.block = m_blocks.blocks[i];
        level.isFlat = level.block->groups.empty() && level.block->data.empty();
        if (above) {
            level.groupIndex = quint16(m_blocks.groups[i - 1]);
            level.group = &above->groups[level.groupIndex];
        }
        above = level.block;
        m_plan.levels.push_back(std::move(level));
    }
    m_plan.record = m_mapping.record;
    m_plan.blank.resize(m_mapping.record->rowSize());
    for (const tidemill::Field &field : m_mapping.record->fields()) {
        if (field.type == FieldType::Decimal)
            setBlank(field, Decimal::null()); // not sent is not zero
        else if (field.type == FieldType::Double)
            setBlank(field, std::nan(""));
    }
    locateFrameFields();
    for (const FieldMapping &mapping : m_mapping.fields) {
        const int index = m_mapping.record->indexOf(mapping.field);
        Q_ASSERT(index >= 0); // parseMappings() saw to it
        if (const auto added = addField(mapping, m_mapping.record->fields()[std::size_t(index)]); !added)
            return configError(QStringLiteral("%1: %2").arg(mapping.path, added.error().message));
    }
    return std::move(m_plan);
}

// What the mapping does not say and the frame does.
void RowCompiler::locateFrameFields()
{
    const auto locate = [this](const char *name, FieldType type) {
        const int index = m_mapping.record->indexOf(name);
        const bool isMapped =
            std::any_of(m_mapping.fields.begin(), m_mapping.fields.end(),
                        [name](const FieldMapping &mapping) { return mapping.field == name; });
        if (index < 0 || isMapped || m_mapping.record->fields()[std::size_t(index)].type != type)
            return -1;
        return int(m_mapping.record->fields()[std::size_t(index)].offset);
    };
    m_plan.exchangeAt = locate("exchange", FieldType::Symbol);
    m_plan.streamAt = locate("stream", FieldType::Symbol);
    m_plan.receivedAt = locate("ts_recv", FieldType::Timestamp);
    m_plan.provenanceAt = locate("provenance", FieldType::Enum);
    m_plan.connectionAt = locate("connection", FieldType::Int64);
    m_plan.sequenceAt = locate("sequence", FieldType::Int64);
    m_plan.entryAt = locate("entry", FieldType::Int64);
}

void RowCompiler::addStep(std::size_t level, const Step &step)
{
    LevelPlan &plan = m_plan.levels[level];
    const bool isPart = step.op >= Op::SymbolData;
    (isPart ? plan.parts : plan.fields).push_back(step);
    if (!isPart) {
        plan.wholeSize = std::max(plan.wholeSize, step.from + step.size);
        plan.wholeSince = std::max(plan.wholeSince, step.since);
    }
}

Result<> RowCompiler::addField(const FieldMapping &mapping, const tidemill::Field &field)
{
    if (!mapping.constant.isEmpty())
        return setConstant(field, mapping.constant);
    const auto target = findTarget(m_message, m_blocks, mapping.from);
    if (!target)
        return target.error();
    if (target->kind == Target::Kind::Group)
        return addLevels(mapping, field, *target);
    Step step;
    step.onNull = mapping.isOptional ? OnNull::LeaveBlank : OnNull::Refuse;
    step.to = field.offset;
    step.width = widthOf(field.type);
    step.since = target->since;
    if (target->kind == Target::Kind::Data)
        return addData(field, *target, step);
    return addValue(mapping, field, *target);
}

Result<> RowCompiler::setConstant(const tidemill::Field &field, const QByteArray &text)
{
    bool isNumber = false;
    const qint64 number = text.toLongLong(&isNumber);
    const auto decimal = Decimal::parse(text);
    if (field.type == FieldType::Int64 && isNumber) {
        setBlank(field, number);
    } else if (field.type == FieldType::Symbol && !Symbol(text).isNull()) {
        setBlank(field, Symbol(text));
    } else if (field.type == FieldType::Decimal && decimal) {
        setBlank(field, *decimal);
    } else if (field.type == FieldType::Enum) {
        const auto found = std::find(field.enumNames.begin(), field.enumNames.end(),
                                     std::string_view(text.data(), std::size_t(text.size())));
        if (found == field.enumNames.end())
            return configError(QStringLiteral("'%1' is none of its words").arg(QString::fromUtf8(text)));
        setBlank(field, quint8(found - field.enumNames.begin()));
    } else if (field.type == FieldType::Bool && (text == "true" || text == "false")) {
        setBlank(field, text == "true");
    } else {
        return configError(
            QStringLiteral("'%1' is no value for a %2")
                .arg(QString::fromUtf8(text), QString::fromUtf8(fieldTypeName(field.type).data())));
    }
    return {};
}

Result<> RowCompiler::addData(const tidemill::Field &field, const Target &target, Step step)
{
    step.index = quint16(target.index);
    if (field.type == FieldType::Symbol)
        step.op = Op::SymbolData;
    else if (field.type == FieldType::Text)
        step.op = Op::TextData;
    else if (field.type == FieldType::Bytes)
        step.op = Op::BytesData;
    else
        return configError(QStringLiteral("variable data can be a symbol, a text or bytes"));
    addStep(target.level, step);
    return {};
}

Result<> RowCompiler::addValue(const FieldMapping &mapping, const tidemill::Field &field,
                               const Target &target)
{
    if (target.type->presence == Presence::Constant)
        return setConstant(field, target.type->constant);
    static constexpr qint64 scales[] = {1'000'000'000, 1'000'000, 1'000, 1};
    Step step;
    if (field.type == FieldType::Decimal) {
        const auto decimal = decimalStep(target, mapping.exponent, m_blocks);
        if (!decimal)
            return decimal.error();
        step = *decimal;
    } else {
        const auto op = operation(field, *target.type);
        if (!op)
            return op.error();
        step.op = *op;
        step.primitive = target.type->primitive;
        step.from = target.offset;
        step.size = target.type->size;
        step.since = target.since;
        // Codes of enums are null by their encoding even where nobody said "optional".
        step.hasNull = target.isOptional || target.type->kind == Type::Kind::Enum;
        StepExtra extra{.type = target.type};
        if (field.type == FieldType::Enum)
            extra.words = wordTable(mapping, field, *target.type);
        step.extra = std::make_shared<const StepExtra>(std::move(extra));
    }
    step.onNull = mapping.isOptional ? OnNull::LeaveBlank : OnNull::Refuse;
    step.scale = scales[std::size_t(mapping.unit)];
    step.to = field.offset;
    step.width = widthOf(field.type);
    const bool isPlain = !step.hasNull && step.primitive == Primitive::Int64;
    if (isPlain && step.op == Op::Int64)
        step.op = Op::PlainInt64;
    else if (isPlain && step.op == Op::Decimal)
        step.op = Op::PlainDecimal;
    else if (isPlain && step.op == Op::Time)
        step.op = Op::PlainTime;
    else if (step.op == Op::Enum && step.primitive == Primitive::UInt8)
        step.op = Op::PlainEnum; // its table knows the null code too
    addStep(target.level, step);
    return {};
}

Result<Op> RowCompiler::operation(const tidemill::Field &field, const Type &type)
{
    const bool isSingle = isInteger(type);
    const bool isCharacters = type.kind == Type::Kind::Plain && type.primitive == Primitive::Char;
    switch (field.type) {
    case FieldType::Int64:
        if (isSingle)
            return Op::Int64;
        break;
    case FieldType::UInt64:
        if (isSingle)
            return Op::UInt64;
        break;
    case FieldType::Double:
        if (isFloating(type.primitive) && type.kind == Type::Kind::Plain && type.length == 1)
            return Op::Double;
        break;
    case FieldType::Bool:
        if (isSingle)
            return Op::Bool;
        break;
    case FieldType::Timestamp:
        if (isSingle)
            return Op::Time;
        break;
    case FieldType::Enum:
        if (isSingle)
            return Op::Enum;
        break;
    case FieldType::Symbol:
        if (isCharacters)
            return Op::SymbolText;
        break;
    case FieldType::Bytes:
        if (type.kind == Type::Kind::Plain && sizeOf(type.primitive) == 1)
            return Op::Bytes;
        break;
    case FieldType::Text:
        if (type.kind == Type::Kind::Enum)
            return Op::EnumText;
        if (type.kind == Type::Kind::Set)
            return Op::SetText;
        if (isCharacters)
            return Op::Text;
        if (type.kind == Type::Kind::Plain)
            return Op::ListText;
        break;
    case FieldType::Decimal:
    case FieldType::Levels:
        break;
    }
    return configError(
        QStringLiteral("a field of type '%1' cannot become a %2")
            .arg(QString::fromUtf8(type.name), QString::fromUtf8(fieldTypeName(field.type).data())));
}

std::array<quint8, 256> RowCompiler::wordTable(const FieldMapping &mapping, const tidemill::Field &field,
                                               const Type &type)
{
    std::array<quint8, 256> table{}; // codes without a word have the first one, "unknown"
    for (std::size_t code = 0; code < table.size(); ++code) {
        const NamedCode *named = type.kind == Type::Kind::Enum ? type.findCode(code) : nullptr;
        for (const auto &[word, value] : mapping.words) {
            if ((named && named->name == value) || QByteArray::number(qulonglong(code)) == value) {
                const auto found = std::find(field.enumNames.begin(), field.enumNames.end(),
                                             std::string_view(word.data(), std::size_t(word.size())));
                table[code] = quint8(found - field.enumNames.begin());
            }
        }
    }
    return table;
}

Result<RowPlan> compileRows(const Message &message, const RecordMapping &mapping)
{
    return RowCompiler(message, mapping).compile();
}

} // namespace tidemill::sbe
