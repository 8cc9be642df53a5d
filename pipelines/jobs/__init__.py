"""The jobs, one file each, named by the topics that they join: the listing of this folder is the data-flow graph.

Jobs are named here, not discovered.
"""

from connectors.settings import Settings
from pipelines.batch import Job
from pipelines.jobs import (
    event_behaviour_to_event_identity,
    event_behaviour_to_event_profile_fact,
    event_edge_arrival_to_state_edge,
    event_identity_to_state_member_map,
    event_late_to_event_behaviour,
    event_member_change_to_event_tag_input,
    event_order_to_event_identity,
    event_order_to_state_order,
    event_profile_fact_to_event_tag_input,
    event_profile_fact_to_state_profile,
    event_receipt_to_event_identity,
    event_receipt_to_event_order,
    event_receipt_to_event_profile_fact,
    event_receipt_to_event_stock_movement,
    event_ruling_to_event_identity,
    event_ruling_to_event_profile_fact,
    event_stock_movement_to_state_stock_level,
    event_tag_input_to_state_tag,
    event_visibility_to_event_stock_movement,
    raw_ecommerce_to_event_behaviour,
    raw_ecommerce_to_event_order,
    raw_erp_to_event_masters,
    raw_feeds_to_event_edge_arrival,
    raw_pos_to_event_receipt,
    raw_wms_to_event_visibility,
)


def jobs(settings: Settings) -> dict[str, Job]:
    """Every job, by name, upstream first. Nothing is opened before a job's first run comes."""
    every = (
        raw_pos_to_event_receipt.job(settings),
        event_receipt_to_event_stock_movement.JOB,
        raw_wms_to_event_visibility.job(settings),
        event_visibility_to_event_stock_movement.JOB,
        event_stock_movement_to_state_stock_level.JOB,
        raw_erp_to_event_masters.job(settings),
        raw_ecommerce_to_event_order.job(settings),
        raw_ecommerce_to_event_behaviour.job(settings),
        event_late_to_event_behaviour.job(settings),
        event_receipt_to_event_order.JOB,
        event_order_to_state_order.job(settings),
        event_receipt_to_event_profile_fact.job(settings),
        event_behaviour_to_event_profile_fact.JOB,
        event_ruling_to_event_profile_fact.JOB,
        event_profile_fact_to_state_profile.job(settings),
        raw_feeds_to_event_edge_arrival.JOB,
        event_edge_arrival_to_state_edge.JOB,
        event_receipt_to_event_identity.job(settings),
        event_order_to_event_identity.job(settings),
        event_behaviour_to_event_identity.job(settings),
        event_ruling_to_event_identity.JOB,
        event_identity_to_state_member_map.job(settings),
        event_profile_fact_to_event_tag_input.job(settings),
        event_member_change_to_event_tag_input.JOB,
        event_tag_input_to_state_tag.job(settings),
    )
    return {job.name: job for job in every}


def groups(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Consumer group → input topics, upstream first."""
    return {job.group: job.inputs for job in jobs(settings).values()}
