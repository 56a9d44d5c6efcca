/* Prefix beam search: Hannun, Maas, Jurafsky, Ng, "First-pass large vocabulary continuous speech recognition using
 * bi-directional recurrent DNNs", 2014. Prefixes are nodes of a tree, so equal ones are one. */
#include "ern_ctc.h"

#define ERN_NO_SYMBOL (-1)

ERN_API void ern_ctc_begin(ern_ctc_beam *beam, ern_ctc_node *nodes, uint16_t capacity, ern_ctc_path *paths,
                           ern_ctc_path *work, uint16_t width, int16_t blank)
{
    const ern_ctc_node root = {0, 0, 0, ERN_NO_SYMBOL};
    const ern_ctc_path empty = {0, ERN_LOG_ZERO, 0, 0, ERN_NO_SYMBOL};
    const ern_ctc_beam begun = {nodes, paths, work, capacity, width, 1, 1, (uint16_t)(capacity - 1), blank, ERN_CTC_ALL, 0};
    nodes[0] = root;
    for (uint16_t k = 1; k < capacity; k++) {
        nodes[k] = root;
        nodes[k].sibling = (uint16_t)(k + 1 < capacity ? k + 1 : 0);
    }
    paths[0] = empty;
    *beam = begun;
}

/* Forget the nodes that are no beginning of any path. In between, "sibling" marks those that are. */
static void ern_ctc_collect(ern_ctc_beam *beam)
{
    ern_ctc_node *nodes = beam->nodes;
    for (size_t k = 0; k < beam->capacity; k++)
        nodes[k].child = nodes[k].sibling = 0;
    for (size_t k = 0; k < beam->count; k++)
        for (size_t node = beam->paths[k].node; node != 0 && nodes[node].sibling == 0; node = nodes[node].parent)
            nodes[node].sibling = 1;
    beam->free = beam->room = 0;
    for (uint16_t k = (uint16_t)(beam->capacity - 1); k > 0; k--) {
        if (nodes[k].sibling != 0) {
            nodes[k].sibling = nodes[nodes[k].parent].child;
            nodes[nodes[k].parent].child = k;
        } else {
            nodes[k].sibling = beam->free;
            beam->free = k;
            beam->room++;
        }
    }
}

/* The node of "symbol" after "parent", new where there is none. */
static uint16_t ern_ctc_child(ern_ctc_beam *beam, uint16_t parent, int16_t symbol)
{
    ern_ctc_node *nodes = beam->nodes;
    uint16_t node = nodes[parent].child;
    for (; node != 0; node = nodes[node].sibling)
        if (nodes[node].symbol == symbol)
            return node;
    node = beam->free;
    beam->free = nodes[node].sibling;
    beam->room--;
    nodes[node].parent = parent;
    nodes[node].child = 0;
    nodes[node].sibling = nodes[parent].child;
    nodes[node].symbol = symbol;
    nodes[parent].child = node;
    return node;
}

ERN_INLINE int32_t ern_log_times(int32_t a, int32_t b)
{
    return a <= ERN_LOG_ZERO || a + b <= ERN_LOG_ZERO ? ERN_LOG_ZERO : a + b;
}

/* What path "from" gives to the prefix that is its own with one more symbol. */
ERN_INLINE int32_t ern_ctc_extended(const ern_ctc_beam *beam, const ern_ctc_path *from, int16_t symbol, const int32_t *row)
{
    const int repeated = beam->nodes[from->node].symbol == symbol;
    return ern_log_times(repeated ? from->blank : from->total, row[symbol]);
}

/* The path that stays as it is, with what the path of the prefix before its last symbol gives to it. */
static ern_ctc_path ern_ctc_kept(const ern_ctc_beam *beam, const ern_ctc_path *path, const int32_t *row)
{
    const ern_ctc_node *node = &beam->nodes[path->node];
    const int32_t blank = ern_log_times(path->total, row[beam->blank]);
    ern_ctc_path kept = {blank, ERN_LOG_ZERO, blank, path->node, ERN_NO_SYMBOL};
    if (node->symbol == ERN_NO_SYMBOL)
        return kept;
    kept.symbol = ern_log_times(path->symbol, row[node->symbol]);
    for (size_t k = 0; path->node != 0 && k < beam->count; k++)
        if (beam->paths[k].node == node->parent)
            kept.symbol = ern_log_add(kept.symbol, ern_ctc_extended(beam, &beam->paths[k], node->symbol, row));
    kept.total = ern_log_add(kept.blank, kept.symbol);
    return kept;
}

/* Whether the prefix of "symbol" after "node" is in the beam. */
static int ern_ctc_is_path(const ern_ctc_beam *beam, uint16_t node, int16_t symbol)
{
    for (size_t k = 0; k < beam->count; k++) {
        const uint16_t other = beam->paths[k].node;
        if (other != 0 && beam->nodes[other].parent == node && beam->nodes[other].symbol == symbol)
            return 1;
    }
    return 0;
}

/* Put a path among the best ones, behind those that are as good; returns how many there are. */
static uint16_t ern_ctc_put(const ern_ctc_beam *beam, uint16_t count, ern_ctc_path path)
{
    size_t place = count;
    if (count == beam->width && path.total <= beam->work[count - 1].total)
        return count;
    if (count == beam->width)
        place--;
    for (; place > 0 && beam->work[place - 1].total < path.total; place--)
        beam->work[place] = beam->work[place - 1];
    beam->work[place] = path;
    return (uint16_t)(count < beam->width ? count + 1 : count);
}

static uint16_t ern_ctc_search(const ern_ctc_beam *beam, const int32_t *row, size_t n)
{
    uint16_t count = 0;
    for (size_t k = 0; k < beam->count; k++) {
        const ern_ctc_path *path = &beam->paths[k];
        count = ern_ctc_put(beam, count, ern_ctc_kept(beam, path, row));
        for (int16_t symbol = 0; symbol < (int32_t)n; symbol++) {
            if (symbol == beam->blank || row[symbol] < beam->threshold)
                continue;
            const int32_t total = ern_ctc_extended(beam, path, symbol, row);
            const ern_ctc_path longer = {ERN_LOG_ZERO, total, total, path->node, symbol};
            const int fits = count < beam->width || total > beam->work[count - 1].total;
            if (fits && total > ERN_LOG_ZERO && !ern_ctc_is_path(beam, path->node, symbol))
                count = ern_ctc_put(beam, count, longer);
        }
    }
    return count;
}

ERN_API int ern_ctc_frame(ern_ctc_beam *beam, const int32_t *row, size_t n)
{
    if (beam->room < beam->width)
        ern_ctc_collect(beam);
    if (beam->room < beam->width)
        return 0;
    const uint16_t count = ern_ctc_search(beam, row, n);
    const int32_t best = beam->work[0].total;
    beam->count = count;
    beam->log2_best += best;
    for (size_t k = 0; k < count; k++) {
        ern_ctc_path path = beam->work[k];
        if (path.next != ERN_NO_SYMBOL)
            path.node = ern_ctc_child(beam, path.node, path.next);
        path.next = ERN_NO_SYMBOL;
        path.blank = ern_log_times(path.blank, -best);
        path.symbol = ern_log_times(path.symbol, -best);
        path.total = ern_log_times(path.total, -best);
        beam->paths[k] = path;
    }
    return 1;
}

static size_t ern_ctc_length(const ern_ctc_beam *beam, uint16_t node)
{
    size_t length = 0;
    for (; node != 0; node = beam->nodes[node].parent)
        length++;
    return length;
}

ERN_API size_t ern_ctc_best(const ern_ctc_beam *beam, int16_t *symbols, size_t capacity)
{
    uint16_t node = beam->paths[0].node;
    const size_t length = ern_ctc_length(beam, node);
    for (size_t k = length; k-- > 0; node = beam->nodes[node].parent)
        if (k < capacity)
            symbols[k] = beam->nodes[node].symbol;
    return length;
}

/* Whether a prefix begins with that of "root". */
static int ern_ctc_begins(const ern_ctc_beam *beam, uint16_t node, uint16_t root)
{
    while (node != 0 && node != root)
        node = beam->nodes[node].parent;
    return node == root;
}

ERN_API size_t ern_ctc_settle(ern_ctc_beam *beam, int16_t *symbols, size_t count)
{
    uint16_t root = beam->paths[0].node, kept = 0;
    const size_t length = ern_ctc_best(beam, symbols, count), settled = count < length ? count : length;
    for (size_t k = settled; k < length; k++)
        root = beam->nodes[root].parent;
    if (settled == 0)
        return 0;
    for (size_t k = 0; k < beam->count; k++) {
        ern_ctc_path path = beam->paths[k];
        if (!ern_ctc_begins(beam, path.node, root))
            continue;
        path.node = path.node == root ? 0 : path.node;
        beam->paths[kept++] = path;
    }
    beam->count = kept;
    beam->nodes[0].symbol = beam->nodes[root].symbol;
    for (size_t k = 1; k < beam->capacity; k++)
        if (beam->nodes[k].parent == root)
            beam->nodes[k].parent = 0;
    ern_ctc_collect(beam);
    return settled;
}
