// SPDX-License-Identifier: Apache-2.0
#include "host/pipeline_file.h"

#include "fuzz.h"
#include "host/text_lines.h"

#include <algorithm>

// Whatever stands in a pipeline file: reading it ends, every diagnostic points into the file, none shows what
// came from the environment, line ends make no difference, and a file without diagnostics is a pipeline whose
// nodes fit together.

using namespace tidemill;
using namespace tidemill::fuzz;
using namespace tidemill::host;

namespace {

const QString secret = QStringLiteral("hunter2-hunter2");

void checkDiagnostics(const PipelineFile &file)
{
    const TextLines lines(file.text);
    Place before;
    for (const Diagnostic &diagnostic : file.diagnostics) {
        const Place place = diagnostic.place;
        require(place.line >= 0 && place.line <= lines.count(), "a diagnostic is about a line of the file");
        require(place.column >= 0 && place.column <= lines.line(place.line).size() + 1,
                "a diagnostic is about a column of its line");
        require(std::pair(before.line, before.column) <= std::pair(place.line, place.column),
                "diagnostics are in the order of the file");
        require(!diagnostic.message.isEmpty(), "a diagnostic says something");
        require(!diagnostic.message.contains(secret) && !diagnostic.suggestion.contains(secret),
                "no diagnostic shows a secret");
        before = place;
    }
    require(formatDiagnostics(file.diagnostics, file.text).isEmpty() == file.diagnostics.isEmpty(),
            "it is said");
}

void checkPipeline(const PipelineDescription &pipeline)
{
    const QList<NodeDescription> &nodes = pipeline.nodes;
    const auto has = [&nodes](auto matches) { return std::any_of(nodes.begin(), nodes.end(), matches); };
    for (const NodeKind kind : {NodeKind::Source, NodeKind::Sink})
        require(has([kind](const NodeDescription &node) { return node.kind == kind; }), "it has both ends");
    for (const NodeDescription &node : nodes) {
        require(!node.type.isEmpty(), "a node has a type");
        require((node.kind == NodeKind::Source) == node.inputs.isEmpty(),
                "a node that is no source reads one");
        for (const InputRef &input : node.inputs)
            require(has([&input](const NodeDescription &other) {
                        return other.name == input.node && other.kind != NodeKind::Sink;
                    }),
                    "what a node reads exists and has something to read");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray text = view(data, size).toByteArray();
    if (text.contains("file:")) // a fuzzer must not ask for the machine's files
        return 0;
    QProcessEnvironment environment;
    environment.insert(QStringLiteral("SECRET"), secret);
    const QString path = QStringLiteral("/nonexistent/fuzz.yaml");

    const PipelineFile file = parsePipeline(text, path, environment);

    checkDiagnostics(file);
    if (file.diagnostics.isEmpty())
        checkPipeline(file.description);
    if (!text.contains('\r')) {
        const PipelineFile other = parsePipeline(QByteArray(text).replace("\n", "\r\n"), path, environment);
        require(other.diagnostics.size() == file.diagnostics.size(), "line ends make no difference");
    }
    return 0;
}
