/* Where the positions of one axis lie on another one. */
#ifndef BASE_AXIS_MAP_H
#define BASE_AXIS_MAP_H

/* Position p is at (p + shift) * numerator / denominator + offset. A fraction rather than a slope: where the
 * result is a whole number, no rounding makes it less or more. */
struct axis_map {
    double shift, numerator, denominator, offset;
};

static inline double axis_map_at(const struct axis_map *map, double position) {
    return (position + map->shift) * map->numerator / map->denominator + map->offset;
}

#endif
