// SPDX-License-Identifier: Apache-2.0
#include "pipeline_schema.h"

#include "option_json.h"
#include "pipeline_description.h"

#include <QRegularExpression>

namespace tidemill::host {

namespace {

using Json = QJsonObject;

QJsonValue definition(const QString &name)
{
    return Json{{"$ref", QLatin1String("#/$defs/") + name}};
}

// A value, or a text in which something is still to be replaced.
Json orReference(const Json &value)
{
    return {{"anyOf", QJsonArray{value, definition(QStringLiteral("reference"))}}};
}

// Any scalar is a text to an option; only `nothing`, lists and maps are none.
const QJsonArray scalar{"string", "number", "boolean"};

// "5" and "true" of a default or a choice as an editor would read them in a file.
QJsonValue typed(const QString &text)
{
    if (text == QLatin1String("true") || text == QLatin1String("false"))
        return text == QLatin1String("true");
    bool isNumber = false;
    const double number = text.toDouble(&isNumber);
    static const QRegularExpression form(QStringLiteral("^-?\\d+(\\.\\d+)?$"));
    return isNumber && form.match(text).hasMatch() ? QJsonValue(number) : QJsonValue(text);
}

// A default or an example, in the form a file would have it.
QJsonValue written(const QString &text, const QString &type)
{
    if (type == QLatin1String("list of texts") && text.startsWith(QLatin1Char('['))) {
        QJsonArray items;
        for (const QString &item : text.mid(1, text.size() - 2).split(QStringLiteral(", ")))
            items.append(item);
        return items;
    }
    return type == QLatin1String("text") ? QJsonValue(text) : typed(text);
}

// What a text, or each text of a list, may be.
Json textSchema(const Json &option)
{
    const QJsonArray choices = option["choices"].toArray();
    if (choices.isEmpty())
        return {{"type", scalar}};
    QJsonArray words = choices;
    for (const auto &choice : choices) {
        if (const QJsonValue value = typed(choice.toString()); !value.isString())
            words.append(value);
    }
    return orReference({{"enum", words}});
}

Json numberSchema(const Json &option, const char *type)
{
    Json schema{{"type", QLatin1String(type)}};
    for (const char *bound : {"minimum", "maximum"}) {
        if (option.contains(QLatin1String(bound)))
            schema.insert(QLatin1String(bound), option[QLatin1String(bound)]);
    }
    return schema;
}

Json valueSchema(const Json &option)
{
    const QString type = option["type"].toString();
    const bool notEmpty = option["not_empty"].toBool();
    if (type == QLatin1String("bool"))
        return orReference({{"type", "boolean"}});
    if (type == QLatin1String("integer"))
        return orReference(numberSchema(option, "integer"));
    if (type == QLatin1String("number") || type == QLatin1String("decimal"))
        return orReference(numberSchema(option, "number"));
    if (type == QLatin1String("duration"))
        return orReference({{"type", "string"}, {"pattern", "^([0-9]{1,18}(ms|s|m|h|d))+$"}});
    if (type == QLatin1String("size")) {
        Json bytes = numberSchema(option, "integer");
        if (!bytes.contains(QLatin1String("minimum")))
            bytes.insert(QStringLiteral("minimum"), 0);
        const Json units{{"type", "string"}, {"pattern", "^([0-9]{1,18}(B|kB|KiB|MB|MiB|GB|GiB))+$"}};
        return {{"anyOf", QJsonArray{bytes, units, definition(QStringLiteral("reference"))}}};
    }
    if (type == QLatin1String("list of texts")) {
        Json list{{"type", "array"}, {"items", textSchema(option)}};
        if (notEmpty)
            list.insert(QStringLiteral("minItems"), 1);
        // The environment knows no lists: there it is a text such as a,b or ["a","b"].
        const Json text{{"type", "string"}, {"pattern", "^[^,\\[]+(,[^,]+)+$"}};
        return {{"anyOf", QJsonArray{list, text, definition(QStringLiteral("reference"))}}};
    }
    if (type == QLatin1String("text")) {
        Json text = textSchema(option);
        if (notEmpty)
            text.insert(QStringLiteral("minLength"), 1);
        return text;
    }
    return {}; // the plugin itself looks at what is in it
}

Json optionSchema(const Json &option)
{
    Json schema = valueSchema(option);
    schema.insert(QStringLiteral("description"), option["help"]);
    const QString type = option["type"].toString();
    if (option.contains(QLatin1String("default")) && !option["secret"].toBool())
        schema.insert(QStringLiteral("default"), written(option["default"].toString(), type));
    if (option.contains(QLatin1String("example")))
        schema.insert(QStringLiteral("examples"), QJsonArray{written(option["example"].toString(), type)});
    return schema;
}

// Adds an option to the object `map`; "queue.rows" is a member of the object `queue` in it.
void addOption(Json &map, const QString &name, const Json &schema, bool isRequired)
{
    Json properties = map.value(QLatin1String("properties")).toObject();
    const QString key = name.section(QLatin1Char('.'), 0, 0);
    if (key == name) {
        properties.insert(key, schema);
    } else {
        Json group = properties.value(key).toObject();
        group.insert(QStringLiteral("type"), "object");
        group.insert(QStringLiteral("additionalProperties"), false);
        addOption(group, name.mid(key.size() + 1), schema, isRequired);
        properties.insert(key, group);
    }
    map.insert(QStringLiteral("properties"), properties);
    QJsonArray required = map.value(QLatin1String("required")).toArray();
    if (isRequired && !required.contains(key))
        required.append(key);
    if (!required.isEmpty())
        map.insert(QStringLiteral("required"), required);
}

// The host's settings of a kind of node.
Json settingsSchema(const QJsonArray &settings)
{
    Json map;
    for (const auto &value : settings) {
        const Json option = value.toObject();
        const QString name = option["name"].toString();
        Json schema = optionSchema(option);
        if (name == QLatin1String("thread"))
            schema = Json{{"anyOf", QJsonArray{Json{{"type", scalar}, {"pattern", "^[A-Za-z0-9_-]{1,32}$"}},
                                               definition(QStringLiteral("reference"))}},
                          {"description", schema["description"]}};
        addOption(map, name, schema, false);
    }
    return map["properties"].toObject();
}

// The section "host": its values are texts of a form of their own.
Json hostSchema()
{
    Json map;
    const Json port{{"type", "integer"}, {"minimum", 0}, {"maximum", 65'535}};
    for (const auto &value : describeSettings()["host"].toArray()) {
        const Json option = value.toObject();
        const QString name = option["name"].toString();
        Json schema = optionSchema(option);
        const bool isAddress = name == QLatin1String("host.http");
        schema.remove(QStringLiteral("type"));
        schema.remove(QStringLiteral("minLength"));
        schema.insert(QStringLiteral("anyOf"),
                      isAddress ? QJsonArray{port, Json{{"type", "string"}, {"pattern", HttpAddress::form()}},
                                             definition(QStringLiteral("reference"))}
                                : QJsonArray{Json{{"enum", QJsonArray::fromStringList(logLevelWords())}},
                                             definition(QStringLiteral("reference"))});
        addOption(map, name, schema, false);
    }
    Json section = map["properties"].toObject()["host"].toObject();
    section.insert(QStringLiteral("type"), QJsonArray{"object", "null"});
    section.insert(QStringLiteral("description"),
                   "What the pipeline brings along for tidemill run; flags and TIDEMILL_* win over it.");
    return section;
}

class SchemaWriter
{
public:
    explicit SchemaWriter(const QJsonArray &plugins) : m_plugins(plugins) {}

    Json write()
    {
        m_definitions = {
            {"reference", Json{{"type", "string"},
                               {"pattern", "(^|[^$])\\$\\{"},
                               {"description", "A value from outside: ${NAME}, ${NAME:-default}, "
                                               "${NAME:?message} or ${file:PATH}."}}},
            {"inputs",
             Json{{"type", "array"},
                  {"minItems", 1},
                  {"items", orReference({{"type", QJsonArray{"string", "boolean"}},
                                         {"pattern", "^[^.\\s]+(\\.[a-z][a-z0-9_]*)?$"}})},
                  {"description", "Which nodes it reads: [node], or [node.record_type] for one type."}}},
        };
        Json sections{
            {"name", Json{{"anyOf", QJsonArray{Json{{"type", scalar}, {"pattern", "^[a-z0-9][a-z0-9_-]*$"}},
                                               definition(QStringLiteral("reference"))}},
                          {"description", "What the pipeline is called in logs and metrics."}}},
            {"host", hostSchema()},
        };
        for (const NodeKind kind : {NodeKind::Source, NodeKind::Transform, NodeKind::Sink})
            sections.insert(nodeKindName(kind) + QLatin1Char('s'), section(kind));
        return {
            {"$schema", "https://json-schema.org/draft/2020-12/schema"},
            {"title", "Tidemill pipeline"},
            {"type", "object"},
            {"properties", sections},
            {"required", QJsonArray{"name", "sources", "sinks"}},
            {"additionalProperties", false},
            {"$defs", m_definitions},
        };
    }

private:
    Json section(NodeKind kind);
    QJsonArray required(NodeKind kind) const
    {
        return kind == NodeKind::Source ? QJsonArray{"type"} : QJsonArray{"type", "inputs"};
    }
    // The node of one plugin: nothing but the host's keys and the plugin's options.
    Json pluginSchema(NodeKind kind, const Json &plugin, const Json &hostKeys) const;

    const QJsonArray &m_plugins;
    Json m_definitions;
};

Json SchemaWriter::pluginSchema(NodeKind kind, const Json &plugin, const Json &hostKeys) const
{
    Json properties = hostKeys;
    properties.insert(QStringLiteral("type"), true);
    Json node{{"description", plugin["summary"]},
              {"properties", properties},
              {"required", required(kind)},
              {"additionalProperties", false}};
    for (const auto &value : plugin["options"].toArray()) {
        const Json option = value.toObject();
        const QString name = option["name"].toString();
        if (!properties.contains(name.section(QLatin1Char('.'), 0, 0))) // else the host takes that key
            addOption(node, name, optionSchema(option), option["required"].toBool());
    }
    return node;
}

Json SchemaWriter::section(NodeKind kind)
{
    const QString name = nodeKindName(kind);
    Json hostKeys = settingsSchema(describeSettings()[name].toArray());
    if (kind != NodeKind::Source)
        hostKeys.insert(QStringLiteral("inputs"), definition(QStringLiteral("inputs")));

    QJsonArray types;
    QJsonArray byType;
    for (const auto &value : m_plugins) {
        const Json plugin = value.toObject();
        if (plugin["kind"].toString() != name || plugin.contains(QLatin1String("error")))
            continue;
        const QString id = plugin["id"].toString();
        const QString key = name + QLatin1Char('.') + id;
        m_definitions.insert(key, pluginSchema(kind, plugin, hostKeys));
        types.append(Json{{"const", id}, {"description", plugin["summary"]}});
        byType.append(Json{{"if", Json{{"properties", Json{{"type", Json{{"const", id}}}}},
                                       {"required", QJsonArray{"type"}}}},
                           {"then", definition(key)}});
    }
    types.append(definition(QStringLiteral("reference"))); // which one, and so its options, nobody can know

    hostKeys.insert(QStringLiteral("type"),
                    Json{{"anyOf", types}, {"description", "The plugin that the node is."}});
    Json node{{"type", "object"}, {"properties", hostKeys}, {"required", required(kind)}};
    if (!byType.isEmpty())
        node.insert(QStringLiteral("allOf"), byType);
    if (kind == NodeKind::Source) // a source reads no other nodes, whatever its type
        node.insert(QStringLiteral("not"), Json{{"required", QJsonArray{"inputs"}}});
    m_definitions.insert(name, node);

    Json schema{{"type", "object"},
                {"propertyNames", Json{{"pattern", "^[a-z][a-z0-9_-]*$"}}},
                {"additionalProperties", definition(name)},
                {"description", QStringLiteral("The %1s, each by its name.").arg(name)}};
    if (kind == NodeKind::Transform)
        schema.insert(QStringLiteral("type"), QJsonArray{"object", "null"});
    else
        schema.insert(QStringLiteral("minProperties"), 1);
    return schema;
}

} // namespace

QJsonObject pipelineSchema(const QJsonArray &plugins)
{
    return SchemaWriter(plugins).write();
}

} // namespace tidemill::host
