//! The verdicts as Parquet: one row per subject and control, nine columns of text, without compression.

use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use ::parquet::data_type::{ByteArray, ByteArrayType};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::Type;

use super::package::Package;
use super::tables::{VERDICTS, verdicts as rows};
use crate::model::assessment::ENGINE;

/// The file.
///
/// # Errors
/// [`ParquetError`]; memory is the only limit.
pub fn verdicts(package: &Package<'_>) -> Result<Vec<u8>, ParquetError> {
    let column = |name: &&str| {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY);
        Ok(Arc::new(column.with_repetition(Repetition::REQUIRED).with_converted_type(ConvertedType::UTF8).build()?))
    };
    let columns = VERDICTS.iter().map(column).collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Arc::new(Type::group_type_builder("verdicts").with_fields(columns).build()?);
    let properties =
        WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).set_created_by(format!("{} version {}", ENGINE.0, ENGINE.1));
    let rows = rows(package);
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties.build()))?;
    let mut group = writer.next_row_group()?;
    let mut at = 0;
    while let Some(mut column) = group.next_column()? {
        let values: Vec<ByteArray> = rows.iter().map(|row| row.get(at).map_or_else(ByteArray::new, |cell| cell.as_str().into())).collect();
        column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
        column.close()?;
        at += 1;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}
