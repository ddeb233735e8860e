#include "data/images.h"

#include "core/fail.h"
#include "core/file.h"
#include "core/source.h"
#include "data/dataset_bytes.h"
#include "data/image.h"
#include "data/resample.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_PATH = 4096, MOST_DEEP = 8, CHANNELS = 3 };

#define AT(field) offsetof(ImagesOptions, field)
static const char *const resample_words[] = { "bilinear", "area", NULL };

const Field images_fields[] = {
    { "size", FIELD_PAIR, AT(size), .low = 1, .high = 65536, .initial = "the pictures'",
      .meaning = "height and width to bring them to" },
    { "resample", FIELD_WORD, AT(by), .words = resample_words,
      .meaning = "how: Pillow's BILINEAR, or the mean of what a pixel covers" },
    { "gray", FIELD_OBJECT, .type = "boolean", .initial = "found",
      .meaning = "one channel; found: where all pictures are gray" },
    STORE_FIELD(AT(store)),
    { "source", FIELD_STRING, AT(source), .initial = "the folder", .meaning = "for printing" },
    { .name = NULL },
};
const ImagesOptions images_initial = { .store = STORE_U8 };

/* ---- Which pictures there are ---------------------------------------------------------------- */

typedef struct Pictures {
    const char *folder;
    Names names;   /* "daisy/1.png" */
    size_t *first; /* of each class, and one more: the first picture of it */
} Pictures;

static bool is_picture(const char *name, bool *readable) {
    static const char *const endings[] = { ".png", ".jpg",  ".jpeg", ".bmp", ".gif", ".webp",
                                           ".tif", ".tiff", ".ppm",  ".pgm", ".pnm" };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0) {
            *readable = i < 3;
            return true;
        }
    return false;
}

static bool join(char path[MOST_PATH], const char *folder, const char *name, Error *err) {
    return snprintf(path, MOST_PATH, "%s/%s", folder, name) < MOST_PATH ||
           error_set(err, ERROR_FILE, "%.200s…: its path is too long", folder);
}

/* The names in a folder that do not begin with a dot, sorted. */
static bool list_folder(const char *path, Names *out, Error *err) {
    DIR *folder = opendir(path);
    bool ok = folder || error_set(err, ERROR_FILE, "%s: %s", path, strerror(errno));
    *out = (Names){ 0 };
    for (struct dirent *entry; ok && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            ok = names_add(out, entry->d_name, strlen(entry->d_name), err);
    if (folder)
        closedir(folder);
    if (!ok)
        names_clear(out);
    names_sort(out);
    return ok;
}

static bool add_picture(Pictures *pictures, const char *inside, bool readable, Error *err) {
    return readable ? names_add(&pictures->names, inside, strlen(inside), err)
                    : error_set(err, ERROR_FILE,
                                "%s/%s: only PNG and JPEG are read; Pillow's "
                                "Image.open(a).convert(\"RGB\").save(\"b.png\") makes one",
                                pictures->folder, inside);
}

/* All pictures under `inside`, a path within the folder. */
static bool add_folder(Pictures *pictures, const char *inside, int deep, Error *err) {
    char path[MOST_PATH], within[MOST_PATH];
    Names names;
    if (deep > MOST_DEEP)
        return error_set(err, ERROR_FILE, "%s/%.200s: folders in more than %d folders",
                         pictures->folder, inside, MOST_DEEP);
    if (!join(path, pictures->folder, inside, err) || !list_folder(path, &names, err))
        return false;
    bool ok = true, readable;
    for (size_t i = 0; ok && i < names.count; i++) {
        ok = join(within, inside, names.text[i], err) && join(path, pictures->folder, within, err);
        if (ok && file_is_folder(path))
            ok = add_folder(pictures, within, deep + 1, err);
        else if (ok && is_picture(names.text[i], &readable))
            ok = add_picture(pictures, within, readable, err);
    }
    names_clear(&names);
    return ok;
}

/* The subfolders alone. */
static bool list_classes(const char *folder, Names *classes, Error *err) {
    char path[MOST_PATH];
    Names all;
    bool ok = list_folder(folder, &all, err), readable, beside = false;
    for (size_t i = 0; ok && i < all.count; i++) {
        ok = join(path, folder, all.text[i], err);
        if (ok && file_is_folder(path))
            ok = names_add(classes, all.text[i], strlen(all.text[i]), err);
        else
            beside = beside || is_picture(all.text[i], &readable);
    }
    names_clear(&all);
    return ok && (classes->count > 0 ||
                  error_set(err, ERROR_FILE, "%s: no subfolders%s: one for each class is expected",
                            folder, beside ? ", but pictures" : ""));
}

static bool list_pictures(Pictures *pictures, const Names *classes, Error *err) {
    size_t count = classes->count;
    pictures->first = malloc((count + 1) * sizeof *pictures->first);
    if (!pictures->first)
        return error_memory(err, pictures->folder, (count + 1) * sizeof *pictures->first);
    for (size_t c = 0; c < count; c++) {
        pictures->first[c] = pictures->names.count;
        if (!add_folder(pictures, classes->text[c], 1, err))
            return false;
        if (pictures->names.count == pictures->first[c])
            return error_set(err, ERROR_FILE, "%s/%s: no PNG or JPEG in it", pictures->folder,
                             classes->text[c]);
    }
    pictures->first[count] = pictures->names.count;
    return true;
}

/* Whole numbers as names are the labels, unless two are the same number. */
static bool number_classes(ClassNames *classes, Error *err) {
    size_t count = classes->names.count;
    int32_t *label = malloc(count * sizeof *label);
    bool numbers = label != NULL;
    for (size_t c = 0; numbers && c < count; c++) {
        const char *name = classes->names.text[c];
        size_t digits = strspn(name, "0123456789");
        numbers = name[digits] == '\0' && digits <= 9;
        label[c] = numbers ? (int32_t)strtol(name, NULL, 10) : 0;
        for (size_t k = 0; numbers && k < c; k++)
            numbers = label[k] != label[c];
    }
    if (!label)
        return error_memory(err, "names", count * sizeof *label);
    if (numbers)
        classes->label = label;
    else
        free(label);
    return true;
}

/* ---- What they are --------------------------------------------------------------------------- */

/* A picture's bytes; false, with nothing to be freed, if they cannot be had. */
static bool read_picture(const Pictures *pictures, size_t i, char path[MOST_PATH], FileBytes *bytes,
                         Error *err) {
    return join(path, pictures->folder, pictures->names.text[i], err) &&
           file_read(path, bytes, err);
}

/* The size of all, and whether any has colours. */
static bool look_at_all(const Pictures *pictures, const ImagesOptions *options, ImageHead *all,
                        Error *err) {
    char path[MOST_PATH];
    FileBytes bytes;
    *all = (ImageHead){ options->size[0], options->size[1], 1 };
    for (size_t i = 0; i < pictures->names.count; i++) {
        ImageHead head = { 0 };
        if (!source_goes_on(pictures->folder, err) || !read_picture(pictures, i, path, &bytes, err))
            return false;
        bool ok = image_head(&(ImageFile){ path, bytes.bytes, bytes.size }, &head, err);
        file_bytes_free(&bytes);
        if (!ok)
            return false;
        if (all->height == 0)
            *all = (ImageHead){ head.height, head.width, 1 };
        if (options->size[0] == 0 && (head.height != all->height || head.width != all->width))
            return error_set(err, ERROR_FILE,
                             "%s: %zu × %zu pixels, where %s has %zu × %zu: size = { height, width "
                             "} brings all to one",
                             path, head.height, head.width, pictures->names.text[0], all->height,
                             all->width);
        all->channels = head.channels > all->channels ? head.channels : all->channels;
    }
    if (options->colour != IMAGES_FOUND)
        all->channels = options->colour == IMAGES_GREY ? 1 : CHANNELS;
    return true;
}

/* ---- Their pixels ---------------------------------------------------------------------------- */

/* Channels side by side to planes, grey to colours, colours to the grey of ITU-R BT.601. */
static void spread(const unsigned char *pixels, const ImageHead *has, const ImageHead *head,
                   unsigned char *out) {
    size_t count = head->height * head->width, step = (size_t)has->channels;
    if (head->channels == 1 && has->channels == CHANNELS)
        for (size_t i = 0; i < count; i++, pixels += CHANNELS)
            out[i] = (unsigned char)((pixels[0] * 19595u + pixels[1] * 38470u + pixels[2] * 7471u +
                                      32768u) >>
                                     16);
    else
        for (size_t c = 0; c < (size_t)head->channels; c++)
            for (size_t i = 0; i < count; i++)
                *out++ = pixels[i * step + (has->channels == 1 ? 0 : c)];
}

static bool bring_to_size(const unsigned char *pixels, const ImageHead *has,
                          const ImagesOptions *options, const ImageHead *head, unsigned char *out,
                          Error *err) {
    if (has->height == head->height && has->width == head->width) {
        spread(pixels, has, head, out);
        return true;
    }
    unsigned char *sized = malloc(head->height * head->width * (size_t)has->channels);
    bool ok = sized ? resample(pixels, has, (ResampleBy)options->by, head, sized, err)
                    : error_memory(err, "size", head->height * head->width * CHANNELS);
    if (ok)
        spread(sized, has, head, out);
    free(sized);
    return ok;
}

static bool put_picture(const ImageFile *file, const ImagesOptions *options, const ImageHead *head,
                        unsigned char *out, Error *err) {
    ImageHead has = { 0 };
    if (!image_head(file, &has, err))
        return false;
    size_t bytes = has.height * has.width * (size_t)has.channels;
    unsigned char *pixels = malloc(bytes);
    bool ok = pixels ? image_pixels(file, &has, pixels, err) : error_memory(err, file->name, bytes);
    if (ok && options->size[0] == 0 && (has.height != head->height || has.width != head->width))
        ok = error_set(err, ERROR_FILE, "%s: it changed while it was read", file->name);
    ok = ok && bring_to_size(pixels, &has, options, head, out, err);
    free(pixels);
    return ok;
}

static bool fill(const Pictures *pictures, const ImagesOptions *options, const ImageHead *head,
                 ByteSamples *samples, Error *err) {
    char path[MOST_PATH];
    FileBytes bytes;
    Progress progress = progress_new();
    bool ok = true;
    progress_begin(&progress, "reading pictures", (double)samples->n);
    for (size_t i = 0; ok && i < samples->n; i++) {
        ok = read_picture(pictures, i, path, &bytes, err);
        if (!ok)
            break;
        ok = put_picture(&(ImageFile){ path, bytes.bytes, bytes.size }, options, head,
                         samples->rows + i * samples->features, err);
        file_bytes_free(&bytes);
        if (ok && !progress_step(&progress, 1, NULL))
            ok = error_interrupted(err, pictures->folder);
    }
    progress_end(&progress);
    return ok;
}

static Dataset *make(const Pictures *pictures, const ClassNames *classes,
                     const ImagesOptions *options, Error *err) {
    const char *source = options->source ? options->source : pictures->folder;
    ImageHead head;
    ByteSamples samples = { .n = pictures->names.count, .store = options->store };
    if (!look_at_all(pictures, options, &head, err))
        return NULL;
    samples.sample = (Sizes){ 3, { CHANNELS, head.height, head.width } };
    if (head.channels == 1)
        samples.sample = (Sizes){ 2, { head.height, head.width } };
    if (!byte_samples_new(pictures->folder, &samples, err))
        return NULL;
    for (size_t c = 0; c < classes->names.count; c++)
        for (size_t i = pictures->first[c]; i < pictures->first[c + 1]; i++)
            samples.labels[i] = classes->label ? classes->label[c] : (int32_t)c;
    if (fill(pictures, options, &head, &samples, err))
        return byte_samples_dataset(pictures->folder, &samples, source, err);
    byte_samples_free(&samples);
    return NULL;
}

Dataset *images_load(const char *folder, const ImagesOptions *options, ClassNames *classes,
                     Error *err) {
    Pictures pictures = { .folder = folder };
    Dataset *dataset = NULL;
    *classes = (ClassNames){ 0 };
    if (list_classes(folder, &classes->names, err) && number_classes(classes, err) &&
        list_pictures(&pictures, &classes->names, err))
        dataset = make(&pictures, classes, options, err);
    names_clear(&pictures.names);
    free(pictures.first);
    if (!dataset)
        class_names_clear(classes);
    return dataset;
}
