#pragma once
/// \file
/// Where data sets come from and what is known of them.

#include <string>
#include <vector>

namespace programs {

/// A file of a data set on its publisher's server.
struct SourceFile {
  std::string name;       ///< File name.
  std::string md5;        ///< Check sum.
  std::int64_t size = 0;  ///< Bytes; 0 when not known.
};

/// What a data card says besides what is measured.
struct DataSource {
  std::string name;               ///< As load_dataset() calls it.
  std::string base_url;           ///< The files lie there; empty when nobody publishes them so.
  std::string folder;             ///< Where they go below the data directory; "" for itself.
  std::vector<SourceFile> files;  ///< What is fetched.
  std::vector<SourceFile> plain;  ///< The same without gzip, for copies that were unpacked.
  std::string about;              ///< One sentence.
  std::string citation;           ///< Whom to cite.
  std::string licence;            ///< Terms of use.
  std::string caveat;             ///< Known defects, with their source.
};

/// Every data set noyau-data knows something of.
const std::vector<DataSource>& data_sources();
/// The entry called `name`, or null.
const DataSource* find_source(const std::string& name);

/// Where data sets are put: `given`, or else $NOYAU_DATA, or else ./data; the directory that load_dataset() searches first.
std::string data_directory(const std::string& given);

}  // namespace programs
