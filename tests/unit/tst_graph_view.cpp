// SPDX-License-Identifier: Apache-2.0
#include "host/graph_view.h"
#include "host/pipeline_file.h"

#include <QJsonDocument>
#include <QTest>

using namespace tidemill::host;

class tst_GraphView : public QObject
{
    Q_OBJECT

private slots:
    void draws_data();
    void draws();
    void showsNoOptions();
    void escapesTypes();
    void knowsFormats();
};

namespace {

QList<PipelineDescription> pipelines()
{
    const QByteArray text = "name: demo\n"
                            "sources:\n"
                            "  btc: { type: binance, api_key: hunter2 }\n"
                            "transforms:\n"
                            "  wap: { type: wap, inputs: [btc.book_update, btc.book_snapshot] }\n"
                            "sinks:\n"
                            "  db: { type: sql, inputs: [wap, btc], url: \"${URL}\" }\n";
    QProcessEnvironment environment;
    environment.insert("URL", "postgres://u:hunter3@h/db");
    const PipelineFile file = parsePipeline(text, "demo.yaml", environment);
    return {file.description, {}};
}

} // namespace

void tst_GraphView::draws_data()
{
    QTest::addColumn<GraphFormat>("format");
    QTest::addColumn<QString>("expected");

    QTest::newRow("mermaid") << GraphFormat::Mermaid << R"(flowchart LR
    subgraph p0["demo"]
        p0n0(["btc<br/>binance"])
        p0n1["wap<br/>wap"]
        p0n2[("db<br/>sql")]
        p0n0 -->|book_update| p0n1
        p0n0 -->|book_snapshot| p0n1
        p0n1 --> p0n2
        p0n0 --> p0n2
    end
    subgraph p1[""]
    end
)";
    QTest::newRow("dot") << GraphFormat::Dot << R"(digraph tidemill {
    rankdir=LR;
    subgraph cluster_p0 {
        label="demo";
        p0n0 [shape=oval, label="btc\nbinance"];
        p0n1 [shape=box, label="wap\nwap"];
        p0n2 [shape=cylinder, label="db\nsql"];
        p0n0 -> p0n1 [label="book_update"];
        p0n0 -> p0n1 [label="book_snapshot"];
        p0n1 -> p0n2;
        p0n0 -> p0n2;
    }
    subgraph cluster_p1 {
        label="";
    }
}
)";
    const QByteArray json = R"({"pipelines": [
        {"name": "demo",
         "nodes": [{"name": "btc", "kind": "source", "type": "binance"},
                   {"name": "wap", "kind": "transform", "type": "wap"},
                   {"name": "db", "kind": "sink", "type": "sql"}],
         "edges": [{"from": "btc", "to": "wap", "records": "book_update"},
                   {"from": "btc", "to": "wap", "records": "book_snapshot"},
                   {"from": "wap", "to": "db", "records": null},
                   {"from": "btc", "to": "db", "records": null}]},
        {"name": "", "nodes": [], "edges": []}]})";
    QTest::newRow("json") << GraphFormat::Json << QString(QJsonDocument::fromJson(json).toJson());
}

void tst_GraphView::draws()
{
    QFETCH(GraphFormat, format);
    QFETCH(QString, expected);

    QCOMPARE(graphAs(pipelines(), format), expected);
}

void tst_GraphView::showsNoOptions()
{
    for (const GraphFormat format : {GraphFormat::Mermaid, GraphFormat::Dot, GraphFormat::Json})
        QVERIFY(!graphAs(pipelines(), format).contains("hunter"));
}

void tst_GraphView::escapesTypes()
{
    QList<PipelineDescription> strange = pipelines();
    strange[0].nodes[0].type = "a\"]; \\evil";

    QVERIFY(graphAs(strange, GraphFormat::Mermaid).contains("([\"btc<br/>a#quot;]; \\evil\"])"));
    QVERIFY(graphAs(strange, GraphFormat::Dot).contains("label=\"btc\\na\\\"]; \\\\evil\""));
}

void tst_GraphView::knowsFormats()
{
    QVERIFY(graphFormatFromName("mermaid") == GraphFormat::Mermaid);
    QVERIFY(graphFormatFromName("dot") == GraphFormat::Dot);
    QVERIFY(graphFormatFromName("json") == GraphFormat::Json);
    QVERIFY(!graphFormatFromName("svg"));
}

QTEST_GUILESS_MAIN(tst_GraphView)

#include "tst_graph_view.moc"
