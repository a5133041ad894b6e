#pragma once
/// \file
/// The report of a study, written from its rows of results alone.

#include "study/document.h"
#include "study/rows.h"

namespace study {

/// The report of `rows`, which belong to `plan`; sample images are looked for in `folder`.
Document make_report(const Plan& plan, std::vector<Row> rows, const std::string& folder = {});
/// Writes report.html, report.md, tables/*.csv and figures/*.svg into `folder` from its results.jsonl and returns the
/// path of the page; stops with Exit::data on a damaged row and Exit::runtime when a file cannot be written.
std::string write_report(const Plan& plan, const std::string& folder);

}  // namespace study
