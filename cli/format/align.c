/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns: text/tabwriter's algorithm for the settings that Podman uses. */
#include <stdlib.h>
#include <string.h>

#include "cli/format/report.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"

#define LEAST_WIDTH 12
#define PADDING 2

struct cell {
	const char *text;
	size_t size;
	int width; /* in characters, then that of its column; 0 for a line's last cell */
};

struct row {
	size_t first; /* index of its first cell */
	size_t count; /* the last one is ended by the newline */
};

struct grid {
	struct cell *cells;
	size_t cell_count, cell_capacity;
	struct row *rows;
	size_t row_count, row_capacity;
};

static int characters(const char *text, size_t size)
{
	int n = 0;

	for (size_t i = 0; i < size; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static void read_grid(struct grid *grid, const char *text)
{
	while (*text) {
		struct row row = { .first = grid->cell_count };
		char end = '\0';

		do {
			size_t n = strcspn(text, "\t\n");

			end = text[n];
			xgrow(grid->cells, grid->cell_count, grid->cell_capacity);
			grid->cells[grid->cell_count++] =
				(struct cell){ text, n, characters(text, n) };
			row.count++;
			text += n + (end != '\0');
		} while (end == '\t');
		xgrow(grid->rows, grid->row_count, grid->row_capacity);
		grid->rows[grid->row_count++] = row;
	}
}

/* A column reaches over neighbouring lines that have a tab behind their cell in it. */
static bool in_column(const struct row *row, size_t column)
{
	return column + 1 < row->count;
}

static size_t size_column(struct grid *grid, size_t start, size_t column)
{
	int width = LEAST_WIDTH;
	size_t end = start;

	for (; end < grid->row_count && in_column(&grid->rows[end], column); end++) {
		int w = grid->cells[grid->rows[end].first + column].width + PADDING;

		width = w > width ? w : width;
	}
	for (size_t i = start; i < end; i++)
		grid->cells[grid->rows[i].first + column].width = width;
	return end;
}

static void size_columns(struct grid *grid)
{
	size_t columns = 0;

	for (size_t i = 0; i < grid->row_count; i++)
		columns = grid->rows[i].count > columns ? grid->rows[i].count : columns;
	for (size_t column = 0; column + 1 < columns; column++)
		for (size_t i = 0; i < grid->row_count;)
			i = in_column(&grid->rows[i], column) ? size_column(grid, i, column)
							      : i + 1;
}

void report_align(struct buf *out, const char *text)
{
	struct grid grid = { 0 };

	read_grid(&grid, text);
	size_columns(&grid);
	for (size_t i = 0; i < grid.row_count; i++) {
		const struct row *row = &grid.rows[i];

		for (size_t j = 0; j < row->count; j++) {
			const struct cell *cell = &grid.cells[row->first + j];
			int pad = cell->width - characters(cell->text, cell->size);

			(void)buf_add(out, cell->text, cell->size);
			if (in_column(row, j))
				(void)buf_addf(out, "%*s", pad, "");
		}
		(void)buf_addc(out, '\n');
	}
	free(grid.cells);
	free(grid.rows);
}
