#include "picture_writer.h"

#include <stdlib.h>
#include <string.h>

const uint8_t picture_exif[PICTURE_EXIF_BYTES] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3,
                                                  0,   1,   0,  0, 0, 6, 0, 0, 0, 0, 0,    0, 0};

static void file_append(png_structp png, png_bytep bytes, size_t length) {
    struct picture_file *file = png_get_io_ptr(png);
    file->bytes = realloc(file->bytes, file->length + length);
    memcpy(file->bytes + file->length, bytes, length);
    file->length += length;
}

struct picture_file png_make(const struct png_kind *kind, const uint8_t *rows, size_t stride, int height,
                             int width) {
    struct picture_file file = {NULL, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &file, file_append, NULL);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, kind->depth, kind->colour,
                 kind->interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color palette[16];
    for (int i = 0; i < 16; i++)
        palette[i] = (png_color){(png_byte)(i * 16), (png_byte)(255 - i), (png_byte)(i * 3)};
    if (kind->colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 16);
    if (kind->transparent)
        png_set_tRNS(png, info, kind->transparent, 16, NULL);
    uint8_t exif[PICTURE_EXIF_BYTES];
    memcpy(exif, picture_exif, sizeof exif);
    if (kind->turned)
        png_set_eXIf_1(png, info, sizeof exif, exif);
    png_write_info(png, info);
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
        for (int y = 0; y < height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return file;
}

struct picture_file jpeg_make(const uint8_t *rows, int side, int channels, J_COLOR_SPACE space,
                              bool progressive) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    unsigned long length = 0;
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &length);
    jpeg.image_width = jpeg.image_height = (JDIMENSION)side;
    jpeg.input_components = channels;
    jpeg.in_color_space = space == JCS_YCCK ? JCS_CMYK : space;
    jpeg_set_defaults(&jpeg);
    if (space == JCS_YCCK)
        jpeg_set_colorspace(&jpeg, JCS_YCCK);
    jpeg_set_quality(&jpeg, 95, TRUE);
    if (progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)rows + (size_t)jpeg.next_scanline * (size_t)(side * channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (struct picture_file){bytes, length};
}
