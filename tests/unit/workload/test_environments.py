from __future__ import annotations

import pytest

from blocks.workload.environments import parameters, surroundings


def test_our_own_variables_name_every_place() -> None:
    told = surroundings(
        {
            "BLUEWATER_DATA": "/d",
            "BLUEWATER_CHECKPOINTS": "/c",
            "BLUEWATER_CHECKPOINTS_COPY": "s3://b/c",
            "BLUEWATER_OUTPUT": "/o",
            "BLUEWATER_OUTPUT_URI": "s3://b/o",
            "BLUEWATER_PROGRESS": "/p.json",
            "BLUEWATER_PARAMETERS": '{"rounds": "7", "rate": 0.5}',
            "BLUEWATER_TOKEN": "t",
            "BLUEWATER_ATTEMPT": "2",
            "BLUEWATER_INTERRUPTIONS_PER_HOUR": "0.25",
            "BLUEWATER_CHECKPOINT_INTERVAL": "60",
            "BLUEWATER_CHECKPOINTS_KEPT": "5",
            "BLUEWATER_SECRETS": "API_KEY,ABSENT",
            "API_KEY": "sesame",
        }
    )
    assert (told.data, told.checkpoints, told.checkpoints_copy) == ("/d", "/c", "s3://b/c")
    assert (told.output, told.output_uri, told.progress) == ("/o", "s3://b/o", "/p.json")
    assert told.parameters == {"rounds": "7", "rate": "0.5"}
    assert (told.token, told.attempt, told.keep) == ("t", 2, 5)
    assert (told.interruptions_per_hour, told.interval) == (0.25, 60)
    assert told.hidden == ("sesame",)
    assert "sesame" not in repr(told)


def test_an_empty_environment_is_one_too() -> None:
    told = surroundings({})
    assert told.platform == "bluewater"
    assert (told.data, told.checkpoints, told.output, told.attempt) == ("", "", "", 0)
    assert told.interruptions_per_hour is None


def test_a_checkpoint_place_by_uri_is_a_copy_beside_a_local_folder() -> None:
    told = surroundings({"BLUEWATER_CHECKPOINTS": "s3://bucket/c"})
    assert (told.checkpoints, told.checkpoints_copy) == ("", "s3://bucket/c")


def test_a_checkpoint_place_by_file_uri_is_a_folder() -> None:
    told = surroundings({"BLUEWATER_CHECKPOINTS": "file:///mnt/c"})
    assert (told.checkpoints, told.checkpoints_copy) == ("file:///mnt/c", "")


@pytest.mark.parametrize("marker", ["TRAINING_JOB_NAME", "SM_MODEL_DIR"])
def test_sagemaker_keeps_everything_below_opt_ml(marker: str) -> None:
    told = surroundings({marker: "/opt/ml/model" if marker == "SM_MODEL_DIR" else "job-1"})
    assert told.platform == "sagemaker"
    assert told.data == "/opt/ml/input/data/training"
    assert told.checkpoints == "/opt/ml/checkpoints"
    assert told.output == "/opt/ml/model"
    assert told.failure == "/opt/ml/output/failure"
    assert told.parameters_file == "/opt/ml/input/config/hyperparameters.json"


def test_sagemakers_toolkit_tells_channels_and_hyperparameters() -> None:
    told = surroundings(
        {"SM_MODEL_DIR": "/opt/ml/model", "SM_CHANNEL_TRAIN": "/x", "SM_HPS": '{"rounds": 7}'}
    )
    assert (told.data, told.parameters, told.parameters_file) == ("/x", {"rounds": "7"}, "")


def test_vertex_buckets_are_used_through_their_mounts() -> None:
    told = surroundings(
        {
            "AIP_MODEL_DIR": "gs://bucket/run/model/",
            "AIP_CHECKPOINT_DIR": "gs://bucket/run/checkpoints/",
            "AIP_TRAINING_DATA_URI": "gs://bucket/data/*",
        }
    )
    assert told.platform == "vertex"
    assert told.data == "/gcs/bucket/data"
    assert (told.checkpoints, told.checkpoints_copy) == ("", "/gcs/bucket/run/checkpoints")
    assert (told.output, told.output_uri) == ("/gcs/bucket/run/model", "gs://bucket/run/model")


def test_azure_ml_tells_inputs_and_outputs_by_name() -> None:
    told = surroundings({"AZUREML_RUN_ID": "r", "AZURE_ML_INPUT_data": "/mnt/in"})
    assert (told.platform, told.data) == ("azureml", "/mnt/in")
    assert (told.output, told.checkpoints) == ("outputs", "outputs/checkpoints")
    named = {"AZURE_ML_OUTPUT_output": "/mnt/o", "AZURE_ML_OUTPUT_checkpoints": "/mnt/c"}
    told = surroundings({"AZUREML_RUN_ID": "r", **named})
    assert (told.output, told.checkpoints) == ("/mnt/o", "/mnt/c")


def test_databricks_volumes_are_paths() -> None:
    told = surroundings(
        {
            "DATABRICKS_RUNTIME_VERSION": "16",
            "BLUEWATER_DATA": "dbfs:/Volumes/main/default/data",
            "BLUEWATER_OUTPUT": "dbfs:///Volumes/main/default/output",
            "BLUEWATER_CHECKPOINTS": "/Volumes/main/default/c",
        }
    )
    assert (told.platform, told.data) == ("databricks", "/Volumes/main/default/data")
    assert told.output == "/Volumes/main/default/output"
    assert told.checkpoints == "/Volumes/main/default/c"


def test_databricks_volumes_are_where_they_are_said_to_be() -> None:
    told = surroundings(
        {
            "DATABRICKS_RUNTIME_VERSION": "16",
            "BLUEWATER_VOLUMES": "/elsewhere",
            "BLUEWATER_DATA": "dbfs:///Volumes/main/default/data",
            "BLUEWATER_CHECKPOINTS": "/Volumes/main/default/c",
        }
    )
    assert told.data == "/elsewhere/main/default/data"
    assert told.checkpoints == "/elsewhere/main/default/c"


@pytest.mark.parametrize("marker", ["TRAINING_JOB_NAME", "AIP_MODEL_DIR", "AZUREML_RUN_ID"])
def test_our_own_variables_win_over_any_clouds(marker: str) -> None:
    told = surroundings({marker: "x", "BLUEWATER_DATA": "/mine", "BLUEWATER_OUTPUT": "/out"})
    assert (told.data, told.output) == ("/mine", "/out")


def test_hyperparameters_must_be_an_object() -> None:
    with pytest.raises(TypeError, match="JSON object"):
        parameters("[1]")
