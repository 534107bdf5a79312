// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/option.h>
#include <tidemill/text_template.h>

#include <QHash>

namespace tidemill {

// How a line looks if an operator says so: members in a given order, each a field of the record or a text.
class LineForm
{
public:
    // `fields`: a map from members to fields ("price") or texts ("%{symbol} at %{price}"); nothing: no form.
    OptionErrors parse(const Value &fields);
    bool isEmpty() const { return m_members.empty(); }

    // A line for each row. An error, and nothing appended, if the record type lacks one of the fields.
    Result<> appendTo(QByteArray &lines, const Batch &batch, bool withType);

private:
    struct Member
    {
        QByteArray name; // as JSON, with its colon
        TextTemplate text;
        bool isJson; // what the text gives is JSON by itself
    };

    // With the fields found in that record type. Kept for each that has come.
    Result<std::vector<Member> *> membersFor(const Schema &schema);

    std::vector<Member> m_members;
    QHash<const Schema *, std::vector<Member>> m_resolved;
};

} // namespace tidemill
