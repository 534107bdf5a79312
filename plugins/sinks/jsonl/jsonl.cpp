// SPDX-License-Identifier: Apache-2.0
#include "line_file.h"
#include "line_form.h"

#include <tidemill/json.h>
#include <tidemill/plugin.h>

#include <memory>
#include <utility>
#include <vector>

using namespace tidemill;

// Appends every record to a file as one line of JSON, with one write for each group.
class JsonLines final : public Sink
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("path", m_path,
                   "File to append to, made if missing with its folders; - is the standard output.")
                .required()
                .notEmpty(),
            Option("with_type", m_withType, "Begin each line with the record's type."),
            Option(
                "fields", m_fields,
                "Instead of all fields of the record: a map from members, in their order, to fields or texts "
                "such as \"%{symbol} at %{price}\"."),
        };
    }

    OptionErrors validate() override { return m_form.parse(m_fields); }

    Result<> start() override { return m_file.open(m_path); }

    void stop() override { m_file.close(); }

    void receive(const BatchPtr &batch) override
    {
        if (m_form.isEmpty()) {
            // Any record type, also one that a third party declared: the schema says how each field prints.
            for (qsizetype row = 0; row < batch->rowCount(); ++row)
                appendJson(m_lines, *batch, row, m_withType).append('\n');
        } else if (const auto appended = m_form.appendTo(m_lines, *batch, m_withType); !appended) {
            emit rejected(batch, appended.error());
            return;
        }
        m_group.push_back({batch, m_lines.size()});
    }

    void flush() override
    {
        if (m_group.empty())
            return;
        const qsizetype skipped = continueTornBatch();
        Error error;
        const qsizetype written = skipped + m_file.append(QByteArrayView(m_lines).sliced(skipped), &error);
        const bool complete = written == m_lines.size();

        qsizetype begin = 0;
        for (const Entry &entry : m_group) {
            if (entry.end > written) {
                if (written > begin)
                    m_torn = {entry.batch, written - begin, m_lines[written - 1] == '\n'};
                break;
            }
            begin = entry.end;
        }
        m_lines.truncate(0); // keeps its memory
        for (const Entry &entry : std::exchange(m_group, {})) {
            if (entry.end <= written)
                emit delivered(entry.batch);
        }
        if (!complete)
            emit failed(error);
    }

private:
    struct Entry
    {
        BatchPtr batch;
        qsizetype end = 0; // of its lines in m_lines
    };

    // A batch of which a pipe has taken only a part before it failed.
    struct TornBatch
    {
        std::weak_ptr<const Batch> batch; // weak: the host may give it up meanwhile
        qsizetype size = 0;
        bool endsWithLine = true;
    };

    // Offered again, that batch comes first and its text is the same, so writing goes on where it stopped.
    // Returns how much of m_lines is out already.
    qsizetype continueTornBatch()
    {
        const TornBatch torn = std::exchange(m_torn, {});
        if (torn.size > 0 && m_group.front().batch == torn.batch.lock())
            return torn.size;
        if (!torn.endsWithLine) {
            // It does not come again; the next line at least begins on a line of its own.
            m_lines.prepend('\n');
            for (Entry &entry : m_group)
                ++entry.end;
        }
        return 0;
    }

    QString m_path;
    bool m_withType = true;
    Value m_fields;
    LineForm m_form;
    LineFile m_file;
    QByteArray m_lines;
    std::vector<Entry> m_group;
    TornBatch m_torn;
};

TIDEMILL_PLUGIN(JsonLines, "jsonl.json")

#include "jsonl.moc"
