// SPDX-License-Identifier: Apache-2.0
#include "pipeline_description.h"

namespace tidemill::host {

QString nodeKindName(NodeKind kind)
{
    switch (kind) {
    case NodeKind::Source:
        return QStringLiteral("source");
    case NodeKind::Transform:
        return QStringLiteral("transform");
    case NodeKind::Sink:
        return QStringLiteral("sink");
    }
    return {};
}

} // namespace tidemill::host
