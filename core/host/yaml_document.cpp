// SPDX-License-Identifier: Apache-2.0
#include "yaml_document.h"

#include "text_lines.h"
#include "yaml_text.h"

#include <QHash>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace tidemill::host {

namespace {

constexpr int maxDepth = 32;
constexpr int maxValues = 20'000;
constexpr int maxProblems = 100;

// Thrown through the parser to end it: it has no other way to be stopped.
struct Stop
{};

// Builds values from the parser's events and sees to what the parser lets pass.
class Builder final : public YAML::EventHandler
{
public:
    Builder(const QByteArray &text, const TextLines &lines, YamlDocument &document)
        : m_text(text)
        , m_lines(lines)
        , m_document(document)
    {}

    bool hasDocument() const { return m_documents > 0; }
    int repeatedKeys() const { return m_repeatedKeys; }

    void OnDocumentStart(const YAML::Mark &mark) override
    {
        if (m_documents++ > 0)
            stop(mark, QStringLiteral("a second document begins here ('---'): a file holds one pipeline"));
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark &mark, YAML::anchor_t) override
    {
        if (isKeyNext())
            report(mark, QStringLiteral("the key before ':' is missing"));
        add(mark, Value(), {});
    }
    void OnAlias(const YAML::Mark &mark, YAML::anchor_t) override
    {
        stop(mark, QStringLiteral("aliases ('*name') are not supported"));
    }
    void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t,
                  const std::string &value) override;
    void OnSequenceStart(const YAML::Mark &mark, const std::string &, YAML::anchor_t,
                         YAML::EmitterStyle::value) override
    {
        open(mark, false);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark &mark, const std::string &, YAML::anchor_t,
                    YAML::EmitterStyle::value) override
    {
        open(mark, true);
    }
    void OnMapEnd() override { close(); }

private:
    struct Frame
    {
        Place place;
        bool isMap = false;
        QList<Value> items;
        QList<Value::Member> members;
        QHash<QString, int> lines;         // of keys
        std::optional<Value::Member> open; // a key whose value comes next
        bool isRepeated = false;           // that key
    };

    void report(const YAML::Mark &mark, const QString &message)
    {
        m_document.problems.append({{}, m_lines.placeOf(mark.pos), message, {}});
        if (m_document.problems.size() >= maxProblems)
            throw Stop();
    }
    [[noreturn]] void stop(const YAML::Mark &mark, const QString &message)
    {
        report(mark, message);
        throw Stop();
    }
    bool isKeyNext() const { return !m_frames.empty() && m_frames.back().isMap && !m_frames.back().open; }
    void open(const YAML::Mark &mark, bool isMap);
    void close();
    void add(const YAML::Mark &mark, const Value &value, const QString &key);
    void addKey(Frame &frame, const YAML::Mark &mark, const QString &key);
    void put(const Value &value);

    const QByteArray &m_text;
    const TextLines &m_lines;
    YamlDocument &m_document;
    std::vector<Frame> m_frames;
    int m_documents = 0;
    int m_values = 0;
    int m_repeatedKeys = 0;
};

void Builder::OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t,
                       const std::string &value)
{
    const QString text = QString::fromUtf8(value);
    const bool isPlain = tag != "!"; // the parser's way to say: in quotes or a block
    if (isPlain &&
        QByteArrayView(m_text).sliced(mark.pos).first(qsizetype(value.size())) != QByteArrayView(value)) {
        report(mark, QStringLiteral(
                         "this text goes on in the next line (is that one indented too far?): write it on "
                         "one line or as a | block"));
    }
    if (text.contains(QChar::Null))
        report(mark, QStringLiteral("a text must not contain the character NUL"));
    if (isPlain && text == QLatin1String("<<") && isKeyNext())
        report(mark, QStringLiteral("merge keys ('<<') are not supported: write the settings out"));
    add(mark, Value::scalar(text, !isPlain, m_lines.placeOf(mark.pos)), text);
}

void Builder::open(const YAML::Mark &mark, bool isMap)
{
    if (isKeyNext())
        stop(mark,
             QStringLiteral(
                 "a key must be a word, not a list or a map; if a text begins with '[' or '{', put it in "
                 "quotes"));
    if (m_frames.size() >= maxDepth)
        stop(mark, QStringLiteral("nested deeper than %1 levels").arg(maxDepth));
    Frame frame;
    frame.place = m_lines.placeOf(mark.pos);
    frame.isMap = isMap;
    m_frames.push_back(frame);
}

void Builder::close()
{
    const Frame frame = std::move(m_frames.back());
    m_frames.pop_back();
    put(frame.isMap ? Value::map(frame.members, frame.place) : Value::list(frame.items, frame.place));
}

void Builder::add(const YAML::Mark &mark, const Value &value, const QString &key)
{
    if (++m_values > maxValues)
        stop(mark, QStringLiteral("more than %1 keys and values in one file").arg(maxValues));
    if (isKeyNext())
        addKey(m_frames.back(), mark, key);
    else
        put(value);
}

void Builder::addKey(Frame &frame, const YAML::Mark &mark, const QString &key)
{
    const Place place = m_lines.placeOf(mark.pos);
    frame.open = Value::Member{key, place, {}};
    const auto first = frame.lines.constFind(key);
    frame.isRepeated = first != frame.lines.constEnd();
    if (!frame.isRepeated) {
        frame.lines.insert(key, place.line);
        return;
    }
    ++m_repeatedKeys;
    report(mark, QStringLiteral("'%1' is given twice, first in line %2").arg(key).arg(*first));
}

void Builder::put(const Value &value)
{
    if (m_frames.empty()) {
        m_document.root = value;
        return;
    }
    Frame &frame = m_frames.back();
    if (!frame.isMap) {
        frame.items.append(value);
        return;
    }
    frame.open->value = value;
    if (!frame.isRepeated)
        frame.members.append(*frame.open);
    frame.open.reset();
}

// The parser's own words are for people who know how it works.
QString friendly(const std::string &message)
{
    using namespace YAML;
    struct Wording
    {
        const char *from;
        const char *to;
    };
    static const Wording wordings[] = {
        {ErrorMsg::MAP_VALUE,
         "a ':' is not expected here: is this line indented too far, or does the text need quotes?"},
        {ErrorMsg::MAP_KEY, "a key is not expected here: is this line indented too far?"},
        {ErrorMsg::END_OF_MAP, "expected 'key: value', indented like the keys above"},
        {ErrorMsg::END_OF_MAP_FLOW, "expected ',' or '}' here"},
        {ErrorMsg::END_OF_SEQ, "expected another '- ' of this list, or less indentation"},
        {ErrorMsg::END_OF_SEQ_FLOW, "expected ',' or ']' here"},
        {ErrorMsg::BLOCK_ENTRY,
         "a '- ' is not expected here: a list begins on a line of its own, or is written [a, b]"},
        {ErrorMsg::FLOW_END, "this bracket closes nothing"},
        {ErrorMsg::CHAR_IN_BLOCK, "only a comment may follow the '|' or '>' of a block"},
        {ErrorMsg::TAB_IN_INDENTATION, "indented with a tab: YAML takes spaces only"},
        {ErrorMsg::INVALID_HEX, "expected hexadecimal digits in this escape"},
        {ErrorMsg::EOF_IN_SCALAR, "the file ends within a quoted text"},
        {ErrorMsg::DOC_IN_SCALAR, "'---' or '...' within a quoted text"},
    };
    for (const Wording &wording : wordings) {
        if (message == wording.from)
            return QString::fromUtf8(wording.to);
    }
    if (message.starts_with(ErrorMsg::INVALID_ESCAPE))
        return QStringLiteral("'\\%1' means nothing in double quotes: write '\\\\' for a backslash, or use "
                              "single quotes")
            .arg(QString::fromStdString(message.substr(std::strlen(ErrorMsg::INVALID_ESCAPE))));
    return QStringLiteral("this is not YAML: %1").arg(QString::fromStdString(message));
}

Place placeOf(const YAML::Exception &error, const QByteArray &text, const TextLines &lines)
{
    if (error.mark.is_null())
        return {1, 1};
    // What is wrong with an escape is noticed at its end.
    for (const char *ofEscapes :
         {YAML::ErrorMsg::INVALID_ESCAPE, YAML::ErrorMsg::INVALID_HEX, YAML::ErrorMsg::INVALID_UNICODE}) {
        if (error.msg.starts_with(ofEscapes))
            return lines.placeOf(text.lastIndexOf('\\', error.mark.pos - 1));
    }
    return lines.placeOf(error.mark.pos);
}

void parse(const QByteArray &text, const TextLines &lines, YamlDocument &document)
{
    Builder builder(text, lines, document);
    try {
        std::istringstream stream(text.toStdString());
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        if (!builder.hasDocument())
            document.problems.append({{}, {1, 1}, QStringLiteral("the file is empty"), {}});
        document.isComplete = document.problems.size() == builder.repeatedKeys();
    } catch (const Stop &) {
        // What it stopped at has been noted.
    } catch (const YAML::Exception &e) {
        document.problems.append({{}, placeOf(e, text, lines), friendly(e.msg), {}});
    } catch (const std::exception &e) {
        document.problems.append(
            {{}, {}, QStringLiteral("cannot read this as YAML: %1").arg(QLatin1String(e.what())), {}});
    }
}

} // namespace

YamlDocument readYaml(const QByteArray &original)
{
    YamlDocument document;
    if (original.size() > maxYamlBytes) {
        document.problems.append(
            {{}, {}, QStringLiteral("the file is larger than %1 bytes").arg(maxYamlBytes), {}});
        return document;
    }
    QByteArray text = original;
    if (text.startsWith("\xef\xbb\xbf"))
        text.remove(0, 3);
    text.replace("\r\n", "\n");
    const TextLines lines(text);
    document.problems = checkCharacters(text, lines);
    if (document.problems.isEmpty())
        document.problems = checkLayout(text, lines);
    if (document.problems.isEmpty())
        parse(text, lines, document);
    return document;
}

} // namespace tidemill::host
