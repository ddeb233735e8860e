#include "data/safetensors.h"

#include "core/array.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/fail.h"
#include "data/elements.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/pages.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

/* The format's own limit on the header, and ours on the tensors: both only guard against files that
 * would keep us busy for minutes before they prove to be wrong. */
enum { HEADER_LIMIT = 100000000, TENSOR_LIMIT = 16384, NAME_LIMIT = 1024 };

/* Of JSON values in the header: a tensor has a dozen. */
enum { ITEM_LIMIT = 12 * TENSOR_LIMIT };

/* One tensor as the header describes it, checked against the size of the data. */
struct Claim {
    const char *name; /* in the JSON, while that is there */
    char fault[64];   /* why it cannot be read: "is of an unknown type 'F8_E4M3'"; empty: it can */
    ElementKind kind;
    int ndim;
    size_t shape[ARRAY_MAX_DIMS], begin, end;
};

struct TensorFile {
    size_t users; /* tables with claims in it */
    Source source;
    char *name;  /* the source's */
    size_t data; /* where it starts */
    Claim *claims;
    Lender *lender; /* of the source's bytes; NULL: they are not lent */
};

static void release_file(TensorFile *file) {
    if (!file || --file->users > 0)
        return;
    source_close(&file->source);
    lender_release(file->lender);
    free(file->name);
    free(file->claims);
    free(file);
}

/* ---- The table ------------------------------------------------------------------------------- */

void tensors_init(Tensors *tensors) {
    *tensors = (Tensors){ 0 };
}

static void clear_entry(struct NamedArray *entry) {
    free(entry->name);
    array_free(entry->array);
}

static void clear_text(struct NamedText *text) {
    free(text->key);
    free(text->value);
}

void tensors_clear(Tensors *tensors) {
    for (size_t i = 0; i < tensors->count; i++)
        clear_entry(&tensors->entry[i]);
    for (size_t i = 0; i < tensors->text_count; i++)
        clear_text(&tensors->text[i]);
    free(tensors->entry);
    free(tensors->text);
    release_file(tensors->file);
    tensors_init(tensors);
}

/* Both lists are kept in the order of their names, each the first thing in its struct. */
typedef struct NameList {
    void *first;
    size_t count, size; /* of one */
} NameList;

static NameList entries_of(const Tensors *tensors) {
    return (NameList){ tensors->entry, tensors->count, sizeof *tensors->entry };
}

static NameList texts_of(const Tensors *tensors) {
    return (NameList){ tensors->text, tensors->text_count, sizeof *tensors->text };
}

/* The order of prefix+name and a whole name. */
static int compare_name(TensorName name, const char *full) {
    size_t length = name.prefix ? strlen(name.prefix) : 0;
    int order = length ? strncmp(name.prefix, full, length) : 0;
    return order ? order : strcmp(name.name, full + length);
}

/* Where a name is in a list, or would be; *found tells which. */
static size_t place_of(NameList list, TensorName name, bool *found) {
    size_t low = 0, high = list.count;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        char *const *full = (void *)((char *)list.first + middle * list.size);
        int order = compare_name(name, *full);
        *found = order == 0;
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return high;
}

/* Make a gap in a list that has room for it. */
static void *open_gap(NameList list, size_t at) {
    char *gap = (char *)list.first + at * list.size;
    memmove(gap + list.size, gap, (list.count - at) * list.size);
    return gap;
}

static char *joined(const char *prefix, const char *name) {
    size_t length = prefix ? strlen(prefix) : 0;
    char *text = malloc(length + strlen(name) + 1);
    if (text) {
        memcpy(text, prefix ? prefix : "", length);
        strcpy(text + length, name);
    }
    return text;
}

/* Room for one more of `size` bytes in a list; the list as it was on lack of memory. */
static bool grow(void **list, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? 2 * *capacity : 16;
    void *larger = realloc(*list, wanted * size);
    if (!larger)
        return false;
    *list = larger;
    *capacity = wanted;
    return true;
}

/* A new entry of that name, without an array; NULL on failure. */
static struct NamedArray *new_entry(Tensors *tensors, TensorName name, Error *err) {
    bool found;
    size_t at = place_of(entries_of(tensors), name, &found);
    if (found) {
        error_set(err, ERROR_ARGUMENT, "tensor '%s%s' is there twice",
                  name.prefix ? name.prefix : "", name.name);
        return NULL;
    }
    void *list = tensors->entry;
    bool room = grow(&list, tensors->count, &tensors->capacity, sizeof *tensors->entry);
    tensors->entry = list;
    char *full = room ? joined(name.prefix, name.name) : NULL;
    if (!full) {
        error_memory(err, name.name, sizeof *tensors->entry * (tensors->count + 1));
        return NULL;
    }
    struct NamedArray *gap = open_gap(entries_of(tensors), at);
    *gap = (struct NamedArray){ .name = full };
    tensors->count++;
    return gap;
}

/* Takes ownership of `array` even if it fails. */
static bool add_owned(Tensors *tensors, TensorName name, Array *array, Error *err) {
    struct NamedArray *entry = array ? new_entry(tensors, name, err) : NULL;
    if (entry)
        entry->array = array;
    else
        array_free(array);
    return entry != NULL;
}

bool tensors_add(Tensors *tensors, TensorName name, const Array *array, Error *err) {
    return add_owned(tensors, name, array_share(array, err), err);
}

bool tensors_add_values(Tensors *tensors, TensorName name, const TensorValues *values, Error *err) {
    Sizes sizes = sizes_of(values->ndim, values->shape);
    Array *array = array_new(name.name, values->dtype, &sizes, err);
    if (array && array_size(array) > 0)
        memcpy(array->data, values->values, array_bytes(array));
    return add_owned(tensors, name, array, err);
}

bool tensors_move(Tensors *tensors, const char *name, const Tensors *from, size_t i, Error *err) {
    struct NamedArray *entry = new_entry(tensors, (TensorName){ NULL, name }, err);
    if (!entry)
        return false;
    entry->array = from->entry[i].array;
    entry->claim = from->entry[i].claim;
    from->entry[i].array = NULL;
    from->entry[i].claim = NULL;
    if (from->file && !tensors->file) {
        tensors->file = from->file;
        tensors->file->users++;
    }
    return true;
}

/* NULL: there is none of that name. */
static struct NamedArray *find_entry(const Tensors *tensors, TensorName name) {
    bool found;
    size_t at = place_of(entries_of(tensors), name, &found);
    return found ? &tensors->entry[at] : NULL;
}

Array *tensors_find(const Tensors *tensors, const char *prefix, const char *name) {
    const struct NamedArray *entry = find_entry(tensors, (TensorName){ prefix, name });
    return entry ? entry->array : NULL;
}

ptrdiff_t tensors_index(const Tensors *tensors, TensorName name) {
    const struct NamedArray *entry = find_entry(tensors, name);
    return entry ? entry - tensors->entry : -1;
}

size_t tensors_first(const Tensors *tensors, const char *prefix) {
    bool found;
    return place_of(entries_of(tensors), (TensorName){ NULL, prefix }, &found);
}

size_t tensors_first_text(const Tensors *tensors, const char *prefix) {
    bool found;
    return place_of(texts_of(tensors), (TensorName){ NULL, prefix }, &found);
}

void tensors_drop(Tensors *tensors, const char *prefix) {
    size_t length = strlen(prefix);
    size_t entry = tensors_first(tensors, prefix), text = tensors_first_text(tensors, prefix);
    size_t entries = entry, texts = text;
    while (entries < tensors->count && !strncmp(tensors->entry[entries].name, prefix, length))
        clear_entry(&tensors->entry[entries++]);
    while (texts < tensors->text_count && !strncmp(tensors->text[texts].key, prefix, length))
        clear_text(&tensors->text[texts++]);
    if (entries > entry)
        memmove(&tensors->entry[entry], &tensors->entry[entries],
                (tensors->count - entries) * sizeof *tensors->entry);
    if (texts > text)
        memmove(&tensors->text[text], &tensors->text[texts],
                (tensors->text_count - texts) * sizeof *tensors->text);
    tensors->count -= entries - entry;
    tensors->text_count -= texts - text;
}

/* A text of that name and without a value, which may be there already; NULL without memory. */
static struct NamedText *text_entry(Tensors *tensors, const char *key, Error *err) {
    bool found;
    size_t at = place_of(texts_of(tensors), (TensorName){ NULL, key }, &found);
    if (found)
        return &tensors->text[at];
    void *list = tensors->text;
    bool room = grow(&list, tensors->text_count, &tensors->text_capacity, sizeof *tensors->text);
    tensors->text = list;
    char *name = room ? strdup(key) : NULL;
    if (!name) {
        error_memory(err, key, strlen(key));
        return NULL;
    }
    struct NamedText *gap = open_gap(texts_of(tensors), at);
    *gap = (struct NamedText){ name, NULL };
    tensors->text_count++;
    return gap;
}

/* Takes ownership of the value even if it fails. */
static bool set_owned_text(Tensors *tensors, const char *key, char *value, Error *err) {
    struct NamedText *text = value ? text_entry(tensors, key, err) : NULL;
    if (!text) {
        free(value);
        return false;
    }
    free(text->value);
    text->value = value;
    return true;
}

bool tensors_set_text(Tensors *tensors, const char *key, const char *value, Error *err) {
    char *copy = strdup(value);
    return copy ? set_owned_text(tensors, key, copy, err) : error_memory(err, key, strlen(value));
}

bool tensors_move_text(Tensors *tensors, const char *key, struct NamedText *from, Error *err) {
    char *value = from->value;
    from->value = NULL;
    return set_owned_text(tensors, key, value, err);
}

const char *tensors_text(const Tensors *tensors, const char *key) {
    bool found;
    size_t at = place_of(texts_of(tensors), (TensorName){ NULL, key }, &found);
    return found ? tensors->text[at].value : NULL;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Widest elements first, then by name: every tensor is aligned and the file does not depend on the
 * order in which tensors were added. */
static int compare_entries(const void *a, const void *b) {
    const struct NamedArray *x = a, *y = b;
    size_t wide_x = dtype_size(x->array->dtype), wide_y = dtype_size(y->array->dtype);
    if (wide_x != wide_y)
        return wide_x > wide_y ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* {"dtype": …, "shape": […], "data_offsets": [begin, end]} under the tensor's name. */
static void describe_tensor(JsonNode header, const struct NamedArray *entry, size_t begin) {
    static const char *const names[] = { "F32", "F64", "I32", "U8" };
    JsonNode item = json_object(header, entry->name);
    json_string(item, "dtype", names[entry->array->dtype]);
    JsonNode shape = json_list(item, "shape");
    for (int d = 0; d < entry->array->ndim; d++)
        json_number(shape, NULL, (double)entry->array->shape[d]);
    JsonNode offsets = json_list(item, "data_offsets");
    json_number(offsets, NULL, (double)begin);
    json_number(offsets, NULL, (double)(begin + array_bytes(entry->array)));
}

/* The JSON header as text, malloc'd by cJSON; NULL without memory. */
static char *header_text(const Tensors *tensors, const struct NamedArray *order) {
    JsonTree tree;
    JsonNode header = json_begin(&tree);
    if (tensors->text_count > 0) {
        JsonNode meta = json_object(header, "__metadata__");
        for (size_t i = 0; i < tensors->text_count; i++)
            json_string(meta, tensors->text[i].key, tensors->text[i].value);
    }
    size_t begin = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        describe_tensor(header, &order[i], begin);
        begin += array_bytes(order[i].array);
    }
    return json_end_text(&tree);
}

/* The header's length is a multiple of 8, padded with spaces, so that the data is aligned. */
static void write_header(FILE *stream, const char *text) {
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    for (int i = 0; i < 8; i++)
        fputc((int)(padded >> 8 * i & 255), stream);
    fwrite(text, 1, length, stream);
    for (; length < padded; length++)
        fputc(' ', stream);
}

static Array *read_entry(const TensorFile *file, struct NamedArray *entry, Error *err);

/* What is still in a file is read before it is written. */
static bool read_rest(const Tensors *tensors, const char *path, Error *err) {
    for (size_t i = 0; i < tensors->count; i++)
        if (!read_entry(tensors->file, &tensors->entry[i], err)) {
            error_prefix(err, "%s", path);
            return false;
        }
    return true;
}

static bool write_data(FileWriter *writer, const struct NamedArray *order, size_t count,
                       Error *err) {
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        Array *rows = array_contiguous("save", order[i].array, order[i].array->dtype, err);
        if (!rows)
            return false;
        ok = file_writer_put(writer, rows->data, array_bytes(rows), err);
        array_free(rows);
    }
    return ok;
}

/* Names and texts of a file are UTF-8. */
static bool check_texts(const Tensors *tensors, const char *path, Error *err) {
    for (size_t i = 0; i < tensors->count; i++)
        if (!utf8_is_valid(tensors->entry[i].name))
            return error_set(err, ERROR_ARGUMENT, "%s: the name of an array is not UTF-8", path);
    for (size_t i = 0; i < tensors->text_count; i++)
        if (!utf8_is_valid(tensors->text[i].key) || !utf8_is_valid(tensors->text[i].value))
            return error_set(err, ERROR_ARGUMENT, "%s: a text of the metadata is not UTF-8", path);
    return true;
}

static bool check_room(const TensorRoom *room, Error *err) {
    if (room->arrays > TENSOR_LIMIT || room->texts > TENSOR_LIMIT)
        return error_set(err, ERROR_ARGUMENT, "%zu arrays and %zu texts; at most %d of each",
                         room->arrays, room->texts, TENSOR_LIMIT);
    if (room->bytes > HEADER_LIMIT)
        return error_set(err, ERROR_ARGUMENT,
                         "%.0f MB of texts and names; the format has room for %d",
                         (double)room->bytes / 1e6, HEADER_LIMIT / 1000000);
    return room->values <= ITEM_LIMIT ||
           error_set(err, ERROR_ARGUMENT, "a header of %zu values; at most %d", room->values,
                     ITEM_LIMIT);
}

/* Bytes of a text in JSON. */
static size_t json_bytes(const char *text) {
    size_t bytes = 2;
    for (; *text; text++)
        bytes += (unsigned char)*text < 0x20 ? 6 : *text == '"' || *text == '\\' ? 2 : 1;
    return bytes;
}

bool tensors_room_take(TensorRoom *room, const Tensors *part, Error *err) {
    enum { FRAME = 80, NUMBER = 21 }; /* words, brackets, a prefix of the name; 64 bits, a comma */
    TensorRoom sum = *room;
    sum.arrays += part->count;
    sum.texts += part->text_count;
    for (size_t i = 0; i < part->count; i++) {
        size_t ndim = (size_t)tensors_shape(part, i).ndim;
        sum.values += 7 + ndim;
        sum.bytes += json_bytes(part->entry[i].name) + FRAME + (ndim + 2) * NUMBER;
    }
    for (size_t i = 0; i < part->text_count; i++) {
        sum.values++;
        sum.bytes += json_bytes(part->text[i].key) + json_bytes(part->text[i].value) + NUMBER;
    }
    if (!check_room(&sum, err))
        return false;
    *room = sum;
    return true;
}

/* Nothing is written that would not be read. */
static bool check_header(const Tensors *tensors, const char *text, const char *path, Error *err) {
    const TensorRoom room = { .arrays = tensors->count,
                              .texts = tensors->text_count,
                              .bytes = strlen(text) + 8 };
    if (!check_room(&room, err)) {
        error_prefix(err, "%s", path);
        return false;
    }
    for (size_t i = 0; i < tensors->count; i++)
        if (strlen(tensors->entry[i].name) > NAME_LIMIT)
            return error_set(err, ERROR_ARGUMENT, "%s: the name of an array has more than %d bytes",
                             path, NAME_LIMIT);
    if (json_check_text("the header", text, ITEM_LIMIT, err))
        return true;
    error_prefix(err, "%s", path);
    return false;
}

/* What a file says first, and the order of what follows. */
typedef struct Layout {
    struct NamedArray *order; /* copies of the entries: their arrays stay the table's */
    char *header;             /* JSON text, cJSON's */
} Layout;

static void layout_clear(Layout *layout) {
    cJSON_free(layout->header);
    free(layout->order);
}

static bool lay_out(const Tensors *tensors, const char *path, Layout *layout, Error *err) {
    *layout = (Layout){ 0 };
    if (!check_texts(tensors, path, err) || !read_rest(tensors, path, err))
        return false;
    if (find_entry(tensors, (TensorName){ NULL, "__metadata__" }))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: the format keeps the name '__metadata__' for its texts", path);
    size_t bytes = (tensors->count ? tensors->count : 1) * sizeof *tensors->entry;
    layout->order = malloc(bytes);
    if (!layout->order)
        return error_memory(err, path, bytes);
    if (tensors->count > 0) {
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): so many entries are there
        memcpy(layout->order, tensors->entry, bytes);
        qsort(layout->order, tensors->count, sizeof *layout->order, compare_entries);
    }
    layout->header = header_text(tensors, layout->order);
    return layout->header ? check_header(tensors, layout->header, path, err)
                          : error_memory(err, path, bytes);
}

bool tensors_save(const Tensors *tensors, const char *path, Error *err) {
    FileWriter writer;
    Layout layout;
    bool ok = lay_out(tensors, path, &layout, err) && file_writer_open(&writer, path, err);
    if (ok) {
        write_header(writer.stream, layout.header);
        ok = write_data(&writer, layout.order, tensors->count, err);
        if (ok)
            ok = file_writer_commit(&writer, err);
        else
            file_writer_abandon(&writer);
    }
    layout_clear(&layout);
    return ok;
}

/* What will be written: the length of the header, the header, the arrays. */
static size_t layout_bytes(const Layout *layout, size_t count) {
    size_t bytes = 8 + (strlen(layout->header) + 7) / 8 * 8;
    for (size_t i = 0; i < count; i++)
        bytes += array_bytes(layout->order[i].array);
    return bytes;
}

/* Into memory of that size and a byte more, which fmemopen wants for the end. */
static bool pack_into(const Tensors *tensors, const Layout *layout, FileWriter *writer,
                      FileBytes *out, Error *err) {
    out->bytes = pages_take(out->size + 1);
    writer->stream = out->bytes ? fmemopen(out->bytes, out->size + 1, "w") : NULL;
    if (!writer->stream)
        return error_memory(err, writer->path, out->size);
    write_header(writer->stream, layout->header);
    bool ok = write_data(writer, layout->order, tensors->count, err);
    bool whole = !ferror(writer->stream);
    whole = fclose(writer->stream) == 0 && whole;
    return !ok || whole ? ok : error_memory(err, writer->path, out->size);
}

bool tensors_pack(const Tensors *tensors, const char *name, FileBytes *out, Error *err) {
    Layout layout;
    FileWriter writer = { .path = (char *)name };
    *out = (FileBytes){ 0 };
    bool ok = lay_out(tensors, name, &layout, err);
    if (ok) {
        out->size = layout_bytes(&layout, tensors->count);
        ok = pack_into(tensors, &layout, &writer, out, err);
    }
    if (!ok)
        file_bytes_free(out);
    layout_clear(&layout);
    return ok;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static bool hash_array(const TensorHash *how, uint64_t *hash, const struct NamedArray *entry,
                       Error *err) {
    Array *rows = array_contiguous("checksum", entry->array, entry->array->dtype, err);
    if (!rows)
        return false;
    bool widens = how->widens && rows->dtype == DTYPE_U8;
    const DType dtype = widens ? DTYPE_F32 : rows->dtype;
    *hash = how->more(*hash, entry->name, strlen(entry->name) + 1);
    *hash = how->more(*hash, &dtype, sizeof dtype);
    *hash = how->more(*hash, rows->shape, (size_t)rows->ndim * sizeof *rows->shape);
    *hash = widens ? bytes_hash(*hash, array_u8(rows), array_size(rows))
                   : how->more(*hash, rows->data, array_bytes(rows));
    array_free(rows);
    return true;
}

bool tensors_hash(const Tensors *tensors, const TensorHash *how, uint64_t *out, Error *err) {
    *out = hash_bytes("", 0);
    for (size_t i = 0; i < tensors->count; i++)
        if (!hash_array(how, out, &tensors->entry[i], err))
            return false;
    for (size_t i = 0; i < tensors->text_count; i++) {
        *out = how->more(*out, tensors->text[i].key, strlen(tensors->text[i].key) + 1);
        *out = how->more(*out, tensors->text[i].value, strlen(tensors->text[i].value) + 1);
    }
    return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* JSON numbers are doubles: whole ones up to 2⁵³ are exact. */
static bool json_size(const cJSON *item, size_t *out) {
    if (!cJSON_IsNumber(item))
        return false;
    double value = item->valuedouble;
    if (!(value >= 0 && value <= 9007199254740992.0) || value != (double)(uint64_t)value)
        return false;
    *out = (size_t)value;
    return true;
}

static bool claim_type(const char *path, const cJSON *item, Claim *claim, Error *err) {
    static const struct {
        const char *name;
        ElementKind kind;
    } types[] = {
        { "F32", ELEMENT_F32 },   { "F64", ELEMENT_F64 }, { "I32", ELEMENT_I32 },
        { "F16", ELEMENT_F16 },   { "I64", ELEMENT_I64 }, { "I16", ELEMENT_I16 },
        { "BF16", ELEMENT_BF16 }, { "I8", ELEMENT_I8 },   { "U8", ELEMENT_U8 },
        { "BOOL", ELEMENT_BOOL }, { "U16", ELEMENT_U16 }, { "U32", ELEMENT_U32 },
        { "U64", ELEMENT_U64 },
    };
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "dtype"));
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0) {
            claim->kind = types[i].kind;
            return true;
        }
    snprintf(claim->fault, sizeof claim->fault, "is of an unknown type '%.24s'", name ? name : "");
    return name ||
           error_set(err, ERROR_FILE, "%s: tensor '%s' %s", path, claim->name, claim->fault);
}

static bool claim_shape(const char *path, const cJSON *item, Claim *claim, Error *err) {
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape"), *size;
    if (!cJSON_IsArray(shape))
        return error_set(err, ERROR_FILE, "%s: tensor '%s' has no shape", path, claim->name);
    claim->ndim = 0;
    cJSON_ArrayForEach(size, shape) {
        size_t side;
        if (!json_size(size, &side))
            return error_set(err, ERROR_FILE, "%s: tensor '%s' has a malformed shape", path,
                             claim->name);
        if (claim->ndim < ARRAY_MAX_DIMS)
            claim->shape[claim->ndim++] = side;
        else
            snprintf(claim->fault, sizeof claim->fault, "has more than %d dimensions",
                     ARRAY_MAX_DIMS);
    }
    return true;
}

/* A file's header on its way to becoming tensors. */
typedef struct Reader {
    const char *path;
    cJSON *header;
    size_t held; /* bytes of data */
    Claim *claims;
    size_t count;
    Tensors *out;
} Reader;

static bool claim_range(const Reader *reader, const cJSON *item, Claim *claim, Error *err) {
    const char *path = reader->path;
    size_t held = reader->held;
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    char text[128];
    size_t needed;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !json_size(cJSON_GetArrayItem(offsets, 0), &claim->begin) ||
        !json_size(cJSON_GetArrayItem(offsets, 1), &claim->end) || claim->begin > claim->end)
        return error_set(err, ERROR_FILE, "%s: tensor '%s' has malformed data_offsets", path,
                         claim->name);
    if (claim->end > held)
        return error_set(err, ERROR_FILE,
                         "%s: truncated: tensor '%s' ends at byte %zu of the data, of which there "
                         "are %zu",
                         path, claim->name, claim->end, held);
    if (!*claim->fault && (!element_bytes(claim->kind, claim->ndim, claim->shape, &needed) ||
                           needed != claim->end - claim->begin))
        return error_set(err, ERROR_FILE,
                         "%s: tensor '%s' of shape %s does not take the %zu bytes it claims", path,
                         claim->name, array_shape_text(claim->ndim, claim->shape, text),
                         claim->end - claim->begin);
    return true;
}

static int compare_begin(const void *a, const void *b) {
    const Claim *x = *(const Claim *const *)a, *y = *(const Claim *const *)b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end); /* empty tensors before what starts with them */
}

/* The ranges must tile the data: no overlap, no hole, nothing after the last. */
static bool check_tiling(const Reader *reader, Error *err) {
    const char *path = reader->path;
    const Claim *claims = reader->claims;
    size_t count = reader->count, held = reader->held;
    const Claim **order = malloc((count ? count : 1) * sizeof(Claim *));
    if (!order)
        return error_memory(err, path, count * sizeof(Claim *));
    for (size_t i = 0; i < count; i++)
        order[i] = &claims[i];
    qsort(order, count, sizeof(Claim *), compare_begin);
    size_t expected = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (order[i]->begin != expected)
            ok = error_set(err, ERROR_FILE, "%s: the data of tensor '%s' %s", path, order[i]->name,
                           order[i]->begin < expected ? "overlaps another's" : "leaves a gap");
        expected = order[i]->end;
    }
    if (ok && expected != held)
        ok = error_set(err, ERROR_FILE, "%s: %zu bytes too many after the last tensor", path,
                       held - expected);
    free(order);
    return ok;
}

/* A text of the JSON as one of ours: they can be long. */
static char *take_text(char **text) {
    char *taken = *text;
    *text = NULL;
    return taken;
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(((const struct NamedText *)a)->key, ((const struct NamedText *)b)->key);
}

/* Names in one object differ: the parser has seen to it. */
static bool read_metadata(Reader *reader, const cJSON *meta, Error *err) {
    Tensors *out = reader->out;
    size_t count = (size_t)cJSON_GetArraySize(meta);
    cJSON *item;
    if (!cJSON_IsObject(meta) || count > TENSOR_LIMIT)
        return error_set(err, ERROR_FILE, "%s: its __metadata__ is not a table of texts",
                         reader->path);
    out->text = calloc(count + 1, sizeof *out->text);
    if (!out->text)
        return error_memory(err, reader->path, count * sizeof *out->text);
    out->text_capacity = count + 1;
    cJSON_ArrayForEach(item, meta) {
        if (!cJSON_IsString(item))
            return error_set(err, ERROR_FILE, "%s: its __metadata__ '%s' is not a text",
                             reader->path, item->string);
        out->text[out->text_count++] =
            (struct NamedText){ take_text(&item->string), take_text(&item->valuestring) };
    }
    qsort(out->text, out->text_count, sizeof *out->text, compare_texts);
    return true;
}

/* Every tensor's claim, checked; metadata goes straight into the result. */
static bool read_claims(Reader *reader, Error *err) {
    const char *path = reader->path;
    const cJSON *item;
    cJSON_ArrayForEach(item, reader->header) {
        if (strcmp(item->string, "__metadata__") == 0) {
            if (!read_metadata(reader, item, err))
                return false;
            continue;
        }
        Claim *claim = &reader->claims[reader->count++];
        claim->name = item->string;
        if (strlen(claim->name) > NAME_LIMIT)
            return error_set(err, ERROR_FILE, "%s: a tensor's name is %zu bytes long", path,
                             strlen(claim->name));
        if (!claim_type(path, item, claim, err) || !claim_shape(path, item, claim, err) ||
            !claim_range(reader, item, claim, err))
            return false;
    }
    return check_tiling(reader, err);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct NamedArray *)a)->name, ((const struct NamedArray *)b)->name);
}

/* An entry for each claim, nothing of which is read. */
static bool make_entries(Reader *reader, Error *err) {
    Tensors *out = reader->out;
    out->entry = calloc(reader->count + 1, sizeof *out->entry);
    if (!out->entry)
        return error_memory(err, reader->path, reader->count * sizeof *out->entry);
    out->capacity = reader->count + 1;
    for (; out->count < reader->count; out->count++) {
        Claim *claim = &reader->claims[out->count];
        char *name = strdup(claim->name);
        if (!name)
            return error_memory(err, reader->path, strlen(claim->name));
        out->entry[out->count] = (struct NamedArray){ .name = name, .claim = claim };
    }
    qsort(out->entry, out->count, sizeof *out->entry, compare_names);
    return true;
}

/* What it is instead, where that is what people have: PyTorch's .pt, a zip of pickles or one
 * pickle, or an ONNX graph, whose first field is a version. */
static bool refuse_start(const char *name, const unsigned char start[9], Error *err) {
    size_t length = strlen(name);
    if (memcmp(start, "PK\3\4", 4) == 0 || (start[0] == 0x80 && start[1] >= 2 && start[1] <= 5))
        return error_set(
            err, ERROR_FILE,
            "%s: not a safetensors file; if it is PyTorch's .pt, which is not read since "
            "reading it can run code, make one of it there: python3 "
            "scripts/describe-torch-model.py FILE.py:MODEL --state %s --input SHAPE, where SHAPE "
            "is "
            "a sample's, as in 3,32,32 (the installed script is in share/perigee/scripts)",
            name, name);
    if (length > 5 && strcmp(name + length - 5, ".onnx") == 0)
        return error_set(err, ERROR_FILE,
                         "%s: not a safetensors file; ONNX is not read: make one of the PyTorch "
                         "module by scripts/describe-torch-model.py",
                         name);
    return error_set(err, ERROR_FILE, "%s: not a safetensors file", name);
}

static bool read_length(Source *source, size_t *length, Error *err) {
    unsigned char start[9] = { 0 };
    bool there = source->size >= 10;
    if (there && !source_read(source, start, sizeof start, err))
        return false;
    *length = 0;
    for (size_t i = 0; there && i < 8; i++)
        *length |= (size_t)start[i] << 8 * i;
    if (!there || start[8] != '{' || *length < 2 || *length > HEADER_LIMIT)
        return refuse_start(source->name, start, err);
    return *length <= source->size - 8 ||
           error_set(err, ERROR_FILE, "%s: truncated in the safetensors header", source->name);
}

/* The header's JSON, or NULL. */
static cJSON *read_header(Source *source, size_t *data, Error *err) {
    size_t length;
    if (!read_length(source, &length, err))
        return NULL;
    char *text = malloc(length + 1);
    if (!text) {
        error_memory(err, source->name, length);
        return NULL;
    }
    source->at = 8;
    *data = 8 + length;
    cJSON *header = NULL;
    if (source_read(source, text, length, err)) {
        text[length] = '\0';
        header = json_parse("the safetensors header", text, ITEM_LIMIT, err);
        if (!header)
            error_prefix(err, "%s", source->name);
    }
    free(text);
    return header;
}

/* Everything about the file's tensors but their numbers, into `out`, which owns the file. */
static bool describe_file(TensorFile *file, Tensors *out, Error *err) {
    Source *source = &file->source;
    cJSON *header = read_header(source, &file->data, err);
    if (!header)
        return false;
    size_t items = (size_t)cJSON_GetArraySize(header);
    Reader reader = {
        .path = source->name, .header = header, .held = source->size - file->data, .out = out
    };
    bool ok =
        items <= TENSOR_LIMIT || error_set(err, ERROR_FILE, "%s: %zu tensors; at most %d are read",
                                           source->name, items, TENSOR_LIMIT);
    reader.claims = file->claims = ok ? calloc(items + 1, sizeof *file->claims) : NULL;
    if (ok && !file->claims)
        ok = error_memory(err, source->name, items * sizeof *file->claims);
    ok = ok && read_claims(&reader, err) && make_entries(&reader, err);
    cJSON_Delete(header);
    return ok;
}

/* Takes over the source; its arrays are still to be read. */
static bool open_source(const Source *source, Tensors *out, Error *err) {
    TensorFile *file = calloc(1, sizeof *file);
    Tensors opened = { .file = file };
    if (!file) {
        Source unused = *source;
        source_close(&unused);
        return error_memory(err, source->name, sizeof *file);
    }
    *file = (TensorFile){ .users = 1, .source = *source, .name = strdup(source->name) };
    file->source.name = file->name;
    bool ok = file->name ? describe_file(file, &opened, err)
                         : error_memory(err, source->name, strlen(source->name));
    if (ok)
        *out = opened;
    else
        tensors_clear(&opened);
    return ok;
}

static void name_pieces(TensorPieces *pieces, const struct NamedArray *entry) {
    *pieces = (TensorPieces){ .whole = NULL };
    snprintf(pieces->name, sizeof pieces->name, "tensor '%s'", entry->name);
}

/* The numbers that a claim is about: their place in the file, as source and stream. */
static bool begin_claim(TensorPieces *pieces, const TensorFile *file, const Claim *claim,
                        Error *err) {
    if (!claim)
        return error_set(err, ERROR_FILE, "%s is used twice", pieces->name);
    if (*claim->fault)
        return error_set(err, ERROR_FILE, "%s %s", pieces->name, claim->fault);
    pieces->source = file->source;
    pieces->source.name = pieces->name;
    pieces->source.at = file->data + claim->begin;
    pieces->stream = source_stream(&pieces->source, claim->end - claim->begin);
    pieces->elements = (Elements){ .name = pieces->name,
                                   .kind = claim->kind,
                                   .shape = sizes_of(claim->ndim, claim->shape) };
    return true;
}

/* Do the elements stand in lent memory as arrays have them? Small arrays are not worth that it
 * stays. */
static bool are_lent(const TensorFile *file, const TensorPieces *pieces, size_t bytes) {
    enum { LEAST = 1 << 16 };
    static const bool as_they_are[] = {
        [ELEMENT_F32] = true, [ELEMENT_F64] = true, [ELEMENT_U8] = true, [ELEMENT_I32] = true
    };
    ElementKind kind = pieces->elements.kind;
    return file->lender && bytes >= LEAST && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
           kind < sizeof as_they_are / sizeof *as_they_are && as_they_are[kind] &&
           pieces->source.at % dtype_size(element_dtype(kind)) == 0;
}

static Array *read_claim(const TensorFile *file, TensorPieces *all, const Claim *claim,
                         Error *err) {
    const Elements *elements = &all->elements;
    if (are_lent(file, all, claim->end - claim->begin))
        return array_lent(file->lender, all->source.at, element_dtype(elements->kind),
                          &elements->shape, err);
    return elements_read(elements, &all->stream, err);
}

static Array *read_entry(const TensorFile *file, struct NamedArray *entry, Error *err) {
    TensorPieces all;
    if (entry->array)
        return entry->array;
    name_pieces(&all, entry);
    if (begin_claim(&all, file, entry->claim, err))
        entry->array = read_claim(file, &all, entry->claim, err);
    if (entry->array)
        entry->claim = NULL;
    return entry->array;
}

static bool leave_out(const struct NamedArray *entry, Tensors *left, const Error *reason) {
    Error unused;
    return left && reason->kind != ERROR_MEMORY && reason->kind != ERROR_INTERRUPTED &&
           tensors_set_text(left, entry->name, reason->message, &unused);
}

bool tensors_read_all(Tensors *tensors, Tensors *left, Error *err) {
    const char *path = tensors->file->name;
    size_t kept = 0, count = tensors->count;
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        struct NamedArray *entry = &tensors->entry[i];
        bool read = ok && read_entry(tensors->file, entry, err);
        if (ok && !read && leave_out(entry, left, err)) {
            free(entry->name);
            continue;
        }
        ok = read;
        tensors->entry[kept++] = *entry;
    }
    tensors->count = kept;
    if (!ok)
        error_prefix(err, "%s", path);
    else if (kept == 0 && count > 0)
        ok = error_set(err, ERROR_FILE, "%s: %s", path, left->text[0].value);
    if (ok) {
        release_file(tensors->file);
        tensors->file = NULL;
    }
    return ok;
}

static bool load_source(const Source *source, Lender *lender, Tensors *out, Error *err) {
    Tensors loaded;
    if (!open_source(source, &loaded, err))
        return false;
    loaded.file->lender = lender ? lender_retain(lender) : NULL;
    bool ok = tensors_read_all(&loaded, NULL, err);
    if (ok)
        *out = loaded;
    else
        tensors_clear(&loaded);
    return ok;
}

bool tensors_parse(const char *name, const unsigned char *bytes, size_t size, Tensors *out,
                   Error *err) {
    Source source = source_of(name, bytes, size);
    return load_source(&source, NULL, out, err);
}

bool tensors_parse_lent(const char *name, Lender *lender, Tensors *out, Error *err) {
    Source source = source_of(name, lender_bytes(lender), lender_size(lender));
    return load_source(&source, lender, out, err);
}

bool tensors_load(Tensors *tensors, const char *path, Error *err) {
    Source source;
    return source_open(&source, path, err) && load_source(&source, NULL, tensors, err);
}

bool tensors_open(Tensors *tensors, const char *path, Error *err) {
    Source source;
    return source_open(&source, path, err) && open_source(&source, tensors, err);
}

/* ---- What is in memory or still in the file ---------------------------------------------------
 */

static struct NamedArray *require_entry(const Tensors *tensors, TensorName name, Error *err) {
    struct NamedArray *entry = find_entry(tensors, name);
    if (!entry)
        error_set(err, ERROR_FILE, "tensor '%s%s' is missing", name.prefix ? name.prefix : "",
                  name.name);
    return entry;
}

Array *tensors_read(const Tensors *tensors, TensorName name, Error *err) {
    struct NamedArray *entry = require_entry(tensors, name, err);
    return entry ? read_entry(tensors->file, entry, err) : NULL;
}

Array *tensors_require(const Tensors *tensors, TensorName name, TensorForm form, Error *err) {
    struct NamedArray *entry = require_entry(tensors, name, err);
    if (!entry)
        return NULL;
    const Array *a = entry->array;
    const Claim *claim = entry->claim && !*entry->claim->fault ? entry->claim : NULL;
    DType dtype = a ? a->dtype : claim ? element_dtype(claim->kind) : form.dtype;
    int ndim = a ? a->ndim : claim ? claim->ndim : form.ndim;
    if (dtype == form.dtype && ndim == form.ndim)
        return read_entry(tensors->file, entry, err);
    error_set(err, ERROR_FILE, "tensor '%s' is %s with %d dimensions; expected %s with %d",
              entry->name, dtype_name(dtype), ndim, dtype_name(form.dtype), form.ndim);
    return NULL;
}

Sizes tensors_shape(const Tensors *tensors, size_t i) {
    const struct NamedArray *entry = &tensors->entry[i];
    return entry->array   ? array_sizes(entry->array)
           : entry->claim ? sizes_of(entry->claim->ndim, entry->claim->shape)
                          : (Sizes){ .ndim = 1 };
}

/* As if the array were a file. */
static bool begin_array(TensorPieces *pieces, const Array *array, Error *err) {
    static const ElementKind kinds[] = { ELEMENT_F32, ELEMENT_F64, ELEMENT_I32, ELEMENT_U8 };
    Array *whole = array_contiguous(pieces->name, array, array->dtype, err);
    if (!whole)
        return false;
    pieces->whole = whole;
    pieces->source = source_of(pieces->name, whole->data, array_bytes(whole));
    pieces->stream = source_stream(&pieces->source, array_bytes(whole));
    pieces->elements = (Elements){ .name = pieces->name,
                                   .kind = kinds[whole->dtype],
                                   .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
                                   .shape = array_sizes(whole) };
    return true;
}

bool tensor_begin(TensorPieces *pieces, const Tensors *tensors, size_t i, Error *err) {
    struct NamedArray *entry = &tensors->entry[i];
    name_pieces(pieces, entry);
    if (entry->array)
        return begin_array(pieces, entry->array, err);
    bool ok = begin_claim(pieces, tensors->file, entry->claim, err);
    entry->claim = NULL;
    return ok;
}

bool tensor_take(TensorPieces *pieces, float *out, size_t n, Error *err) {
    Array part = { .dtype = DTYPE_F32, .data = out };
    Elements elements = pieces->elements;
    elements.shape = (Sizes){ 1, { n } };
    array_set_shape(&part, &elements.shape);
    pieces->elements.first += n;
    return elements_read_into(&elements, &pieces->stream, &part, err);
}

void tensor_end(TensorPieces *pieces) {
    array_free(pieces->whole);
    pieces->whole = NULL;
}
