// SPDX-License-Identifier: Apache-2.0
#include "row_compilation.h"

#include <algorithm>

// Numbers with powers of ten, and levels, which are two of them.

namespace tidemill::sbe {

Result<Step> RowCompiler::decimalStep(const Target &target, const QByteArray &exponentPath,
                                      const BlockPath &blocks)
{
    Target number = target;
    Step step;
    step.op = Op::Decimal;
    const Type &type = *target.type;
    if (type.kind == Type::Kind::Composite) {
        const Member *mantissa = type.findMember("mantissa");
        const Member *exponent = type.findMember("exponent");
        if (!mantissa || !exponent || !isInteger(*mantissa->type))
            return configError(
                QStringLiteral("the composite '%1' has no 'mantissa' and 'exponent'; name one of its members")
                    .arg(QString::fromUtf8(type.name)));
        number.type = mantissa->type;
        number.offset += mantissa->offset;
        number.since = std::max(number.since, mantissa->since);
        number.isOptional = number.isOptional || mantissa->type->presence == Presence::Optional;
        Target power = target;
        power.type = exponent->type;
        power.offset += exponent->offset;
        if (exponent->type->presence == Presence::Constant) {
            const auto power10 = qint64(exponent->type->constantBits);
            if (power10 < Decimal::minExponent || power10 > Decimal::maxExponent)
                return configError(QStringLiteral("the exponent %1 of '%2' is more than a decimal has")
                                       .arg(power10)
                                       .arg(QString::fromUtf8(type.name)));
            step.exponent = qint8(power10);
        } else if (!isInteger(*exponent->type)) {
            return configError(
                QStringLiteral("the exponent of '%1' is no integer").arg(QString::fromUtf8(type.name)));
        } else {
            const auto slot = slotOf(power);
            if (!slot)
                return slot.error();
            step.exponentSlot = *slot;
        }
    } else if (!isInteger(type)) {
        return configError(
            QStringLiteral("a field of type '%1' cannot become a decimal").arg(QString::fromUtf8(type.name)));
    } else if (const auto set = setExponent(step, target, exponentPath, blocks); !set) {
        return set.error();
    }
    step.primitive = number.type->primitive;
    step.from = number.offset;
    step.size = number.type->size;
    step.since = number.since;
    step.hasNull = number.isOptional;
    step.extra = std::make_shared<const StepExtra>(StepExtra{.type = number.type});
    return step;
}

Result<> RowCompiler::setExponent(Step &step, const Target &number, const QByteArray &path,
                                  const BlockPath &blocks)
{
    const bool isSaid = !path.isEmpty();
    const QByteArray wanted = !isSaid && number.field ? number.field->exponentField : path;
    if (wanted.isEmpty())
        return {}; // a whole number
    bool isNumber = false;
    if (const int constant = wanted.toInt(&isNumber);
        isNumber && constant >= Decimal::minExponent && constant <= Decimal::maxExponent) {
        step.exponent = qint8(constant);
        return {};
    }
    const auto target = isSaid ? findTarget(m_message, blocks, wanted) : findExponent(number, wanted, blocks);
    if (!target)
        return target.error();
    if (target->kind != Target::Kind::Value || !isInteger(*target->type) || target->level > number.level)
        return configError(
            QStringLiteral("'%1' is no exponent: expected an integer of the same block or one around it")
                .arg(QString::fromUtf8(wanted)));
    const auto slot = slotOf(*target);
    if (!slot)
        return slot.error();
    step.exponentSlot = *slot;
    return {};
}

// A schema names the field alone: it is in the block of the number or in one around it, the nearest counts.
Result<Target> RowCompiler::findExponent(const Target &number, const QByteArray &name,
                                         const BlockPath &blocks)
{
    for (std::size_t level = number.level;; --level) {
        QByteArray path;
        for (std::size_t i = 0; i < level; ++i)
            path += blocks.blocks[i]->groups[blocks.groups[i]].name + '.';
        auto target = findTarget(m_message, blocks, path + name);
        if (target || level == 0)
            return target;
    }
}

Result<qint16> RowCompiler::slotOf(const Target &exponent)
{
    if (exponent.level >= m_plan.levels.size())
        return configError(
            QStringLiteral("the exponents of levels must be the same for all: expected a field "
                           "outside the group"));
    std::vector<ExponentStep> &known = m_plan.levels[exponent.level].exponents;
    for (const ExponentStep &step : known) {
        if (step.from == exponent.offset)
            return step.slot;
    }
    if (m_slots >= maxExponents)
        return configError(QStringLiteral("expected at most %1 exponents in a message").arg(maxExponents));
    known.push_back({exponent.offset, exponent.type->primitive, exponent.since, m_slots});
    return m_slots++;
}

Result<> RowCompiler::addLevels(const FieldMapping &mapping, const tidemill::Field &field,
                                const Target &target)
{
    if (field.type != FieldType::Levels)
        return configError(QStringLiteral("'%1' is a group; name it in 'rows' to make a record of each entry")
                               .arg(QString::fromUtf8(mapping.from)));
    // Paths go on from the group, which is a level that makes no rows; only its two numbers are read.
    const QByteArray prefix = mapping.from + '.';
    BlockPath inner = m_blocks;
    inner.blocks.resize(target.level + 1);
    inner.groups.resize(target.level);
    inner.groups.push_back(target.index);
    inner.blocks.push_back(&inner.blocks.back()->groups[target.index].block);
    StepExtra extra;
    for (const bool isPrice : {true, false}) {
        const auto number =
            findTarget(m_message, inner, prefix + (isPrice ? mapping.price : mapping.quantity));
        if (!number)
            return number.error();
        if (number->kind != Target::Kind::Value || number->level != target.level + 1)
            return configError(QStringLiteral("price and quantity: expected fields of the group"));
        const auto step =
            decimalStep(*number, isPrice ? mapping.priceExponent : mapping.quantityExponent, inner);
        if (!step)
            return step.error();
        (isPrice ? extra.price : extra.quantity) = *step;
    }
    Step step;
    step.op = Op::Levels;
    step.index = quint16(target.index);
    step.to = field.offset;
    step.extra = std::make_shared<const StepExtra>(std::move(extra));
    addStep(target.level, step);
    return {};
}

} // namespace tidemill::sbe
