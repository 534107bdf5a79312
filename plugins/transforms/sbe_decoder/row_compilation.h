// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "message_path.h"
#include "row_compiler.h"

#include <cstring>

namespace tidemill::sbe {

inline Error configError(const QString &message)
{
    return {Error::Kind::Config, message};
}

inline bool isInteger(const Type &type)
{
    return type.kind != Type::Kind::Composite && type.length == 1 && !isFloating(type.primitive) &&
           type.presence != Presence::Constant;
}

// The work behind compileRows(): one mapping, one message. What numbers need is in number_steps.cpp.
class RowCompiler
{
public:
    RowCompiler(const Message &message, const RecordMapping &mapping) : m_message(message), m_mapping(mapping)
    {}

    Result<RowPlan> compile();

private:
    Result<> addField(const FieldMapping &mapping, const tidemill::Field &field);
    Result<> setConstant(const tidemill::Field &field, const QByteArray &text);
    Result<> addValue(const FieldMapping &mapping, const tidemill::Field &field, const Target &target);
    Result<> addData(const tidemill::Field &field, const Target &target, Step step);
    Result<> addLevels(const FieldMapping &mapping, const tidemill::Field &field, const Target &target);
    Result<Step> decimalStep(const Target &target, const QByteArray &exponentPath, const BlockPath &blocks);
    Result<> setExponent(Step &step, const Target &number, const QByteArray &path, const BlockPath &blocks);
    Result<Target> findExponent(const Target &number, const QByteArray &name, const BlockPath &blocks);
    Result<qint16> slotOf(const Target &exponent);
    Result<Op> operation(const tidemill::Field &field, const Type &type);
    std::array<quint8, 256> wordTable(const FieldMapping &mapping, const tidemill::Field &field,
                                      const Type &type);
    void addStep(std::size_t level, const Step &step);
    void locateFrameFields();

    template<typename T>
    void setBlank(const tidemill::Field &field, const T &value)
    {
        std::memcpy(m_plan.blank.data() + field.offset, &value, sizeof value);
    }

    const Message &m_message;
    const RecordMapping &m_mapping;
    RowPlan m_plan;
    BlockPath m_blocks;
    qint16 m_slots = 0;
};

} // namespace tidemill::sbe
