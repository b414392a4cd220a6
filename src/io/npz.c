#include "io/npz.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "io/elements.h"
#include "io/file_map.h"
#include "io/npy.h"

#include <stdlib.h>
#include <string.h>

#include <zip.h>

#define SUFFIX       ".npy"
#define SUFFIX_BYTES (sizeof SUFFIX - 1)

/* The signatures of a member's entry in the directory, and of the record behind the directory. libzip takes
 * memory for each entry, and reads the directory once for each such record near the end of the file. */
#define ENTRY    "PK\1\2"
#define END      "PK\5\6"
#define MAX_ENDS 16 /* one, and a few that are in the data by chance */

/* What a directory of so many members takes. libzip calls an archive damaged if it has no memory for it. */
#define DIRECTORY_MEMORY ((size_t)4 << 20)

/* A match of 258 bytes takes deflate two bits at least. */
#define DEFLATE_MAX_RATIO 1032

#define ZLIB_OUT_OF_MEMORY (-4) /* Z_MEM_ERROR */

/* An archive that is being read, and how much more it may hold. */
struct reading {
    zip_t *archive;
    struct npz *npz;
    size_t file_bytes, member_bytes_left, array_bytes_left;
};

/* libzip gives no reason at some places if it has no memory. */
static convoy_status error_zip(zip_error_t *cause, convoy_error *error) {
    int code = zip_error_code_zip(cause);
    if (code == ZIP_ER_MEMORY || code == ZIP_ER_OK ||
        (code == ZIP_ER_ZLIB && zip_error_code_system(cause) == ZLIB_OUT_OF_MEMORY))
        return error_memory(error);
    if (code == ZIP_ER_NOZIP)
        return error_set(error, CONVOY_E_INPUT, "is no zip archive, or its end is missing");
    return error_set(error, CONVOY_E_INPUT, "is damaged (%s)", zip_error_strerror(cause));
}

static convoy_status error_too_large(convoy_error *error) {
    return error_set(error, CONVOY_E_UNSUPPORTED,
                     "is too large; archives of up to %zu MiB, inflated and as float64, are accepted",
                     NPZ_MAX_BYTES >> 20);
}

static convoy_status error_too_many(convoy_error *error) {
    return error_set(error, CONVOY_E_UNSUPPORTED, "has too many members; up to %d are accepted",
                     NPZ_MAX_MEMBERS);
}

/* Whether the name is ARRAY.npy and can stand in a sentence. */
static convoy_status check_name(const char *name, convoy_error *error) {
    size_t length = strlen(name);
    if (length > NPZ_MAX_NAME)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "has a member whose name has %zu bytes; up to %d are accepted", length,
                         NPZ_MAX_NAME);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return error_set(error, CONVOY_E_INPUT, "has a member whose name has control characters");
    if (length < SUFFIX_BYTES || strcmp(name + length - SUFFIX_BYTES, SUFFIX) != 0)
        return error_set(error, CONVOY_E_INPUT,
                         "has the member '%.100s'; members whose names end in .npy are accepted", name);
    return CONVOY_OK;
}

/* Whether the member is one that we read, by what the directory says of it. */
static convoy_status check_member(const struct reading *reading, const zip_stat_t *info,
                                  convoy_error *error) {
    const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((info->valid & needed) != needed)
        return error_set(error, CONVOY_E_INPUT, "is damaged (its size or type is missing)");
    if (info->encryption_method != ZIP_EM_NONE)
        return error_set(error, CONVOY_E_UNSUPPORTED, "is encrypted; plain members are accepted");
    if (info->comp_method != ZIP_CM_STORE && info->comp_method != ZIP_CM_DEFLATE)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "is compressed by method %u; stored and deflated members are accepted",
                         info->comp_method);
    if (info->size > reading->member_bytes_left)
        return error_too_large(error);
    bool possible = info->comp_method == ZIP_CM_STORE ? info->size == info->comp_size
                                                      : info->size / DEFLATE_MAX_RATIO <= info->comp_size;
    if (!possible || info->comp_size > reading->file_bytes)
        return error_set(error, CONVOY_E_INPUT,
                         "is damaged (it cannot have %llu bytes, and %llu in the archive)",
                         (unsigned long long)info->size, (unsigned long long)info->comp_size);
    return CONVOY_OK;
}

/* Reads the member, which must have exactly as many bytes as it announces. The read behind the last byte is
 * also what makes libzip compare the checksum. */
static convoy_status read_bytes(zip_file_t *file, uint8_t *bytes, size_t size, convoy_error *error) {
    size_t done = 0;
    uint8_t beyond;
    zip_int64_t got = 1;
    while (done < size && got > 0) {
        got = zip_fread(file, bytes + done, size - done);
        if (got > 0)
            done += (size_t)got;
    }
    if (got > 0)
        got = zip_fread(file, &beyond, 1);
    if (got < 0)
        return error_zip(zip_file_get_error(file), error);
    if (got > 0 || done < size)
        return error_set(error, CONVOY_E_INPUT, "is damaged (it has %s than the %zu bytes that it announces)",
                         got > 0 ? "more" : "less", size);
    return CONVOY_OK;
}

/* The bytes of the member that info describes. */
static convoy_status read_member(struct buffer **bytes, struct reading *reading, const zip_stat_t *info,
                                 convoy_error *error) {
    convoy_status status = check_member(reading, info, error);
    if (status != CONVOY_OK)
        return status;
    size_t size = (size_t)info->size;
    zip_file_t *file = zip_fopen_index(reading->archive, info->index, 0);
    if (!file)
        return error_zip(zip_get_error(reading->archive), error);
    struct buffer *made = buffer_create(size);
    status = made ? read_bytes(file, made->data, size, error) : error_memory(error);
    zip_fclose(file);
    if (status != CONVOY_OK) {
        buffer_release(&made);
        return status;
    }
    reading->member_bytes_left -= size;
    *bytes = made;
    return CONVOY_OK;
}

static convoy_status read_tensor(convoy_tensor *tensor, struct reading *reading, const zip_stat_t *info,
                                 convoy_error *error) {
    struct buffer *bytes = NULL;
    struct elements elements;
    size_t size = 0;
    convoy_status status = read_member(&bytes, reading, info, error);
    if (status != CONVOY_OK)
        return status;
    status = npy_parse(&elements, bytes->data, bytes->bytes, error);
    if (status == CONVOY_OK &&
        (!tensor_bytes(CONVOY_F64, &elements.shape, &size) || size > reading->array_bytes_left))
        status = error_too_large(error);
    if (status == CONVOY_OK)
        status = elements_to_tensor(tensor, &elements, CONVOY_F64, error);
    if (status == CONVOY_OK)
        reading->array_bytes_left -= size;
    buffer_release(&bytes);
    return status;
}

/* Reads member number index and adds it to the arrays. */
static convoy_status read_array(struct reading *reading, zip_uint64_t index, convoy_error *error) {
    struct npz *npz = reading->npz;
    zip_stat_t info;
    convoy_error cause = {0};
    convoy_tensor tensor;
    if (zip_stat_index(reading->archive, index, 0, &info) != 0)
        return error_zip(zip_get_error(reading->archive), error);
    convoy_status status = check_name(info.name, error);
    if (status != CONVOY_OK)
        return status;
    char *name = strndup(info.name, strlen(info.name) - SUFFIX_BYTES);
    if (!name)
        return error_memory(error);
    if (npz_find(npz, name))
        status = error_set(&cause, CONVOY_E_INPUT, "is there twice");
    else
        status = read_tensor(&tensor, reading, &info, &cause);
    if (status != CONVOY_OK) {
        error_set(error, status, "array '%.100s': %.200s", name, cause.message);
        free(name);
        return status;
    }
    npz->arrays[npz->count++] = (struct npz_array){name, tensor};
    return CONVOY_OK;
}

static convoy_status read_arrays(struct npz *npz, zip_t *archive, size_t file_bytes, convoy_error *error) {
    struct reading reading = {archive, npz, file_bytes, NPZ_MAX_BYTES, NPZ_MAX_BYTES};
    zip_int64_t members = zip_get_num_entries(archive, 0);
    if (members > NPZ_MAX_MEMBERS)
        return error_too_many(error);
    npz->arrays = calloc(members > 0 ? (size_t)members : 1, sizeof *npz->arrays);
    if (!npz->arrays)
        return error_memory(error);
    convoy_status status = CONVOY_OK;
    for (zip_int64_t i = 0; i < members && status == CONVOY_OK; i++)
        status = read_array(&reading, (zip_uint64_t)i, error);
    return status;
}

/* How often a signature is in the file. */
static size_t count_signatures(const struct buffer *map, const char *signature) {
    const char *at = map->data, *end = at + map->bytes;
    size_t length = strlen(signature), count = 0;
    while ((at = memmem(at, (size_t)(end - at), signature, length))) {
        at += length;
        count++;
    }
    return count;
}

/* Whether libzip can open the file without much memory or time. */
static convoy_status check_signatures(const struct buffer *map, convoy_error *error) {
    if (map->bytes == 0)
        return error_set(error, CONVOY_E_INPUT, "is empty");
    if (count_signatures(map, ENTRY) > NPZ_MAX_MEMBERS)
        return error_too_many(error);
    if (count_signatures(map, END) > MAX_ENDS)
        return error_set(error, CONVOY_E_INPUT, "is damaged (it has more than %d ends)", MAX_ENDS);
    return CONVOY_OK;
}

static convoy_status read_archive(struct npz *npz, const struct buffer *map, convoy_error *error) {
    convoy_status status = check_signatures(map, error);
    if (status != CONVOY_OK)
        return status;
    if (!memory_is_there(DIRECTORY_MEMORY))
        return error_memory(error);
    zip_error_t failure;
    zip_error_init(&failure);
    zip_source_t *source = zip_source_buffer_create(map->data, map->bytes, 0, &failure);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY, &failure) : NULL;
    if (archive) {
        status = read_arrays(npz, archive, map->bytes, error);
        zip_discard(archive);
    } else {
        status = error_zip(&failure, error);
        zip_source_free(source);
    }
    zip_error_fini(&failure);
    return status;
}

convoy_status npz_read(struct npz *npz, const char *path, convoy_error *error) {
    struct buffer *map = NULL;
    struct npz made = {0};
    convoy_error cause = {0};
    convoy_status status = file_map(&map, path, error);
    if (status != CONVOY_OK)
        return status;
    status = read_archive(&made, map, &cause);
    buffer_release(&map);
    if (status != CONVOY_OK) {
        npz_clear(&made);
        return error_set(error, status, "%.180s: %.320s", path, cause.message);
    }
    *npz = made;
    return CONVOY_OK;
}

const convoy_tensor *npz_find(const struct npz *npz, const char *name) {
    for (size_t i = 0; i < npz->count; i++)
        if (strcmp(npz->arrays[i].name, name) == 0)
            return &npz->arrays[i].tensor;
    return NULL;
}

void npz_clear(struct npz *npz) {
    if (!npz)
        return;
    for (size_t i = 0; i < npz->count; i++) {
        free(npz->arrays[i].name);
        convoy_tensor_release(&npz->arrays[i].tensor);
    }
    free(npz->arrays);
    *npz = (struct npz){0};
}
